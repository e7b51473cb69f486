#!/usr/bin/env bash
# Everything that only a CUDA machine can say, most valuable first, within the minutes given.
#   benchmarks/gpu.sh                                # 9 minutes, results in benchmarks/results
#   benchmarks/gpu.sh --minutes 5 --results FOLDER   # gpu.json, gpu-log.txt and gpu-profile.txt there
#   benchmarks/gpu.sh --minutes 5 --only job,whole --encoder-folder build/encoder-fp16
#   benchmarks/gpu.sh --smoke                        # on a CPU, tiny: does every part run?
# Needs a torch that sees the GPU, transformers, spaCy, seqeval, pytest and accelerate; CuPy is used where it works. An
# installation of cloudner is not needed: what spaCy must know of it is written beside the results of the run.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON="${PYTHON:-$(test -x .venv/bin/python && echo .venv/bin/python || echo python3)}"
if ! "$PYTHON" -c 'import importlib.metadata as m; m.version("cloudner")' 2>/dev/null; then
  "$PYTHON" benchmarks/metadata.py build/metadata
  export PYTHONPATH="$PWD/build/metadata:$PWD/src${PYTHONPATH:+:$PYTHONPATH}"
fi
exec "$PYTHON" -m benchmarks.gpu "$@"
