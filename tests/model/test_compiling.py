"""`compile = true`: the same numbers from compiled kernels, and a clear word where none can be made."""

import shutil

import pytest

import tiny
from cloudner.errors import ConfigError


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_compiled_steps_are_the_plain_ones(bert):
    plain, compiled = tiny.make_nlp(bert), tiny.make_nlp(bert, compile=True)
    compiled.from_bytes(plain.to_bytes(), exclude=["vocab"])
    losses = {}
    for nlp in (plain, compiled):
        optimizer = tiny.adamw(1e-3)
        examples = tiny.make_examples(nlp)
        losses[nlp] = [nlp.update(examples, sgd=optimizer)["cloudner"] for _ in range(3)]
    assert losses[compiled] == pytest.approx(losses[plain], rel=1e-4)
    network = compiled.get_pipe("cloudner").model.shims[0].network
    assert network.encoder._compiled_call_impl is not None
    before, after = tiny.weights(plain), tiny.weights(compiled)
    assert list(before) == list(after)  # names of weights stay
    texts = [text for text, _ in tiny.DATA]
    assert [[e.text for e in d.ents] for d in compiled.pipe(texts)] == [
        [e.text for e in d.ents] for d in plain.pipe(texts)
    ]


def test_without_a_compiler_there_is_a_word(bert, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(ConfigError, match=r"C\+\+ compiler"):
        tiny.make_nlp(bert, compile=True)
