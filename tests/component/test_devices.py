"""Which device a pipeline computes on, and that the choice stays out of what is saved.

torch's device "meta", where tensors have shapes and no memory, stands in for a GPU: it is another device, on any machine.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import spacy
import torch
from spacy.tokens import DocBin
from thinc.api import get_torch_default_device

import cloudner
import tiny
from cloudner import loading, training
from cloudner.errors import DeviceError
from cloudner.hardware import Hardware
from cloudner.model.device import WITH_THINC, check_process, computing_on, target_device
from cloudner.training import resolution, run

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def shim_of(nlp):
    return nlp.get_pipe("cloudner").model.shims[0]


def elsewhere(folder: Path) -> None:
    """The saved config names another device, as those of the first versions did after training without CuPy."""
    config = folder / "config.cfg"
    text = config.read_text(encoding="utf8")
    assert 'device = "cpu"' in text
    config.write_text(text.replace('device = "cpu"', 'device = "meta"'), encoding="utf8")


def test_load_takes_a_pipeline_from_the_device_in_its_config(trained, tmp_path):
    trained.to_disk(tmp_path)
    elsewhere(tmp_path)
    assert shim_of(spacy.load(tmp_path)).device.type == "meta"
    nlp = cloudner.load(tmp_path, device="cpu")
    assert shim_of(nlp).device.type == "cpu"
    for text, _ in tiny.DATA:
        assert tiny.ents(nlp(text)) == tiny.ents(trained(text))
    nlp.initialize(lambda: tiny.make_examples(nlp))
    assert shim_of(nlp).device.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_load_takes_a_pipeline_to_the_gpu_and_back(trained, tmp_path):
    trained.to_disk(tmp_path)  # device = "cpu" is in its config
    nlp = cloudner.load(tmp_path, device="cuda")
    assert shim_of(nlp).device == torch.device("cuda:0")
    assert tiny.ents(nlp(tiny.DATA[0][0])) == tiny.ents(trained(tiny.DATA[0][0]))
    assert shim_of(cloudner.load(tmp_path, device="cpu")).device.type == "cpu"


def test_the_choice_of_a_process_is_what_auto_means():
    with computing_on("meta"):
        assert target_device("auto").type == "meta"
        assert target_device("cpu").type == "cpu"
        assert target_device(WITH_THINC) == get_torch_default_device()
        seen = []
        thread = threading.Thread(target=lambda: seen.append(target_device("auto").type))
        thread.start()
        thread.join()
        assert seen != ["meta"]
        with computing_on("cpu", always=True):
            assert target_device("meta").type == target_device("auto").type == "cpu"
        assert target_device("auto").type == "meta"
    with pytest.raises(KeyError), computing_on("meta"):
        raise KeyError
    assert target_device("auto").type != "meta"


def test_a_forked_process_cannot_use_the_gpu_of_its_parent():
    check_process(torch.device("cuda:0"), initialised=True)
    check_process(torch.device("cpu"), initialised=False)
    with pytest.raises(DeviceError, match=r"cuda:0.*n_process=1.*spawn"):
        check_process(torch.device("cuda:0"), initialised=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a process that has not begun CUDA")
def test_in_a_forked_process_no_doc_is_to_blame(trained, monkeypatch):
    monkeypatch.setattr(type(shim_of(trained)), "device", torch.device("cuda:0"))
    blamed = []
    trained.set_error_handler(lambda name, pipe, docs, error: blamed.extend(docs))
    with pytest.raises(DeviceError, match="n_process=1"):
        list(trained.pipe([text for text, _ in tiny.DATA]))
    assert blamed == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_two_processes_on_a_gpu_are_refused_once(trained_folder):
    code = (
        "import sys, cloudner\n"
        "nlp = cloudner.load(sys.argv[1], device='cuda')\n"
        "nlp('Marie Curie lived in Paris.')\n"
        "list(nlp.pipe(['Marie Curie lived in Paris.'] * 50, n_process=2, batch_size=5))\n"
    )
    command = [sys.executable, "-c", code, str(trained_folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode
    assert done.stderr.count("cloudner.errors.DeviceError") == 1
    assert "n_process=1" in done.stderr


def test_training_on_a_gpu_without_cupy_leaves_auto_in_the_config(bert, tmp_path, monkeypatch):
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in tiny.make_examples(spacy.blank("en"))]).to_disk(corpus)
    monkeypatch.setattr(resolution, "_device", lambda gpu_id: "cuda:0")
    monkeypatch.setattr(resolution, "_hardware", lambda device: Hardware())
    monkeypatch.setattr(loading, "use_device", lambda device: False)
    made = training.resolve(
        CONFIGS / "cpu.cfg",
        encoder=str(bert),
        overrides={"paths.train": str(corpus), "paths.dev": str(corpus)},
    )
    assert (made.device, made.use_gpu) == ("cuda:0", -1)
    assert made.config["components"]["cloudner"]["model"]["device"] == "auto"


def test_a_head_on_shared_vectors_stays_with_them():
    with computing_on("meta"):
        nlp = spacy.blank("en")
        tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 32, "depth": 1, "embed_size": 100,
                   "window_size": 1, "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None}  # fmt: skip
        model = {"@architectures": "cloudner.SharedNER.v1", "tok2vec": tok2vec}
        nlp.add_pipe("cloudner", config={"model": model})
        tiny.start(nlp)
        nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw())
    assert shim_of(nlp).device.type == "cpu"


def test_the_console_names_the_device_that_trains(bert, tmp_path, capsys):
    made = [training.Resolution({}, device, use_gpu=use) for device, use in (("cuda:1", 1), ("cuda:1", -1))]
    assert [run._by_whom(m) for m in made] == ["cuda:1", "cuda:1 by torch alone, without CuPy"]
    corpus = tmp_path / "corpus.spacy"
    DocBin(docs=[eg.reference for eg in tiny.make_examples(spacy.blank("en"))]).to_disk(corpus)
    paths = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    training.train(
        CONFIGS / "cpu.cfg",
        tmp_path / "training",
        gpu_id=-1,
        encoder=str(bert),
        calibrate=False,
        overrides={**paths, "training.optimizer.learn_rate.min_steps": 0, "training.max_epochs": 1},
    )
    assert "Using the CPU" in capsys.readouterr().out
