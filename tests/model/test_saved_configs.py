"""What an encoder's configuration may ask for, from a hub or from a saved pipeline."""

from __future__ import annotations

import json
import shutil

import pytest
import spacy

import tiny
from cloudner.errors import InputError
from cloudner.model.network.encoder import build_from_config, load_pretrained


def asking(folder, name, value):
    values = json.loads((folder / name).read_text()) | value
    (folder / name).write_text(json.dumps(values))


@pytest.mark.parametrize(
    "key", ["attn_implementation", "_attn_implementation", "_attn_implementation_internal"]
)
@pytest.mark.parametrize("value", ["evil/repo:fn", "flash_attention_2", {"": "evil/repo:fn"}])
def test_an_attention_of_somebody_elses_code_is_not_used(key, value, trained_folder, bert, tmp_path, caplog):
    shutil.copytree(trained_folder, tmp_path / "pipeline")
    expected = [tiny.ents(doc) for doc in spacy.load(trained_folder).pipe(tiny.TEXT)]
    asking(tmp_path / "pipeline" / "cloudner" / "model", "encoder.json", {key: value})
    asking(tmp_path / "pipeline" / "cloudner", "cfg", {"digests": {}})  # whoever forges one forges the other
    nlp = spacy.load(tmp_path / "pipeline")
    assert nlp.get_pipe("cloudner").model.shims[0].network.encoder.config._attn_implementation in {
        "eager",
        "sdpa",
    }
    assert [tiny.ents(doc) for doc in nlp.pipe(tiny.TEXT)] == expected
    # transformers 5.24 drops the private name itself, before anybody could be told.
    assert "not used" in caplog.text or key == "_attn_implementation_internal"
    nlp.to_disk(tmp_path / "again")
    assert "_implementation" not in (tmp_path / "again" / "cloudner" / "model" / "encoder.json").read_text()
    shutil.copytree(bert, tmp_path / "encoder")
    asking(tmp_path / "encoder", "config.json", {key: value})
    encoder, _ = load_pretrained(str(tmp_path / "encoder"))
    assert encoder.config._attn_implementation in {"eager", "sdpa"}


@pytest.mark.parametrize("value", ["eager", "sdpa"])
def test_transformers_own_attention_may_be_named(value, bert):
    config = json.loads((bert / "config.json").read_text()) | {"attn_implementation": value}
    assert build_from_config(json.dumps(config)).config._attn_implementation == value


def test_a_part_of_a_config_is_looked_at_too():
    from transformers import BertConfig

    from cloudner.model.network.encoder import plain_attention

    config = BertConfig()
    config.text_config = BertConfig(attn_implementation="evil/repo:fn")
    plain_attention(config)
    assert config.text_config._attn_implementation_internal is None


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [("head", "crf", "softmax"), ("pooling", "mean", "first"), ("case_features", True, False)],
)
def test_a_network_that_the_config_says_otherwise_is_told_once(name, value, kept, trained_folder, caplog):
    """Weights fit their own network alone: the saved value is used, which was done without a word."""
    expected = [tiny.ents(doc) for doc in spacy.load(trained_folder).pipe(tiny.TEXT)]
    assert caplog.messages == []
    nlp = spacy.load(trained_folder, config={f"components.cloudner.model.{name}": value})
    (line,) = caplog.messages
    assert line.startswith(str(trained_folder / "cloudner" / "model" / "network.json"))
    assert f"the config's {name} = {value!r} is passed over" in line
    assert f"trained with {name} = {kept!r};" in line
    assert [tiny.ents(doc) for doc in nlp.pipe(tiny.TEXT)] == expected
    nlp.from_bytes(nlp.to_bytes())
    assert len(caplog.messages) == 1


def test_another_tag_scheme_than_the_saved_one(trained_folder):
    with pytest.raises(InputError, match=r"tag_scheme = 'BILUO' in the config, .* trained with 'BIO'"):
        spacy.load(trained_folder, config={"components.cloudner.model.tag_scheme": "BILUO"})
