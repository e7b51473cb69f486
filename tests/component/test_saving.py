"""To disk, to bytes and back; what is excluded, disabled or overridden at load."""

from __future__ import annotations

import copy
import json
import pickle
import shutil

import numpy as np
import pytest
import spacy
from safetensors import safe_open

import cloudner
import spans
import tiny

TEXTS = [text for text, _ in tiny.DATA]


def found(nlp):
    return [[(*e, c) for e, c in zip(tiny.ents(d), [round(x._.confidence, 4) for x in d.ents], strict=True)] for d in nlp.pipe(TEXTS)]  # fmt: skip


def test_to_disk_and_back_without_the_encoders_folder(bert, tmp_path):
    """A trained pipeline carries encoder and tokenizer: the folder it came from may go."""
    source = tmp_path / "encoder"
    shutil.copytree(bert, source)
    nlp = tiny.overfit(tiny.make_nlp(source), steps=8)
    nlp.to_disk(tmp_path / "pipeline")
    shutil.rmtree(source)
    loaded = spacy.load(tmp_path / "pipeline")
    assert found(loaded) == found(nlp)
    assert tiny.largest_difference(tiny.weights(nlp), tiny.weights(loaded)) == 0
    loaded.to_disk(tmp_path / "again")
    for name in ("encoder.json", "tokenizer.json", "pieces.json", "network.json"):
        first, second = (tmp_path / f / "cloudner" / "model" / name for f in ("pipeline", "again"))
        assert json.loads(first.read_text()) == json.loads(second.read_text())
    assert str(tmp_path) not in (tmp_path / "pipeline" / "cloudner" / "model" / "encoder.json").read_text()


def test_to_bytes_and_back(trained, bert):
    expected = found(trained)
    data = trained.to_bytes()
    again = spacy.blank("en")
    again.add_pipe("cloudner", config=tiny.settings(bert))
    again.from_bytes(data)
    assert found(again) == expected
    pipe = trained.get_pipe("cloudner")
    assert pipe.from_bytes(pipe.to_bytes()) is pipe
    assert found(trained) == expected


def test_the_component_by_itself(trained, bert, tmp_path):
    pipe = trained.get_pipe("cloudner")
    pipe.to_disk(tmp_path / "pipe", exclude=["vocab"])
    assert sorted(p.name for p in (tmp_path / "pipe").iterdir()) == ["cfg", "model"]
    other = spacy.blank("en").add_pipe("cloudner", config=tiny.settings(bert))
    assert other.from_disk(tmp_path / "pipe", exclude=["vocab"]) is other
    assert other.labels == pipe.labels
    assert all(label in other.vocab.strings for label in pipe.labels)
    before = tiny.weights(trained)
    after = {k: v.detach().numpy() for k, v in other.model.shims[0].network.state_dict().items()}
    assert tiny.largest_difference(before, after) == 0
    pipe.to_disk(tmp_path / "cfg", exclude=["vocab", "model"])
    assert sorted(p.name for p in (tmp_path / "cfg").iterdir()) == ["cfg"]


def test_what_is_loaded_before_initialisation_is_saved_as_it_was(bert):
    one, other = (spacy.blank("en").add_pipe("cloudner", config=tiny.settings(bert)) for _ in range(2))
    saved = one.to_bytes(exclude=["vocab"])
    assert other.from_bytes(saved, exclude=["vocab"]).to_bytes(exclude=["vocab"]) == saved
    assert other.model.has_dim("nO") is None


def test_weights_are_safetensors(trained_folder):
    with safe_open(trained_folder / "cloudner" / "model" / "model.safetensors", framework="numpy") as file:
        names = set(file.keys())
    assert "head.linear.weight" in names
    assert any(name.startswith("encoder.") for name in names)


def test_before_initialisation(bert, tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    nlp.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.get_pipe("cloudner").labels == ()
    again = spacy.blank("en")
    again.add_pipe("cloudner", config=tiny.settings(bert))
    again.from_bytes(nlp.to_bytes())
    tiny.start(loaded)
    assert loaded.get_pipe("cloudner").labels == tiny.LABELS


def test_disable_exclude_and_enable_at_load(trained_folder):
    disabled = spacy.load(trained_folder, disable=["cloudner"])
    assert disabled.pipe_names == []
    assert not disabled(TEXTS[0]).ents
    disabled.enable_pipe("cloudner")
    assert disabled(TEXTS[0]).ents
    assert spacy.load(trained_folder, exclude=["cloudner"]).component_names == []
    assert spacy.load(trained_folder, enable=["cloudner"]).pipe_names == ["cloudner"]


def test_overrides_at_load_win_over_what_was_saved(trained_folder):
    config = {"components": {"cloudner": {"threshold": 0.25, "spans_key": "ner"}}}
    pipe = spacy.load(trained_folder, config=config).get_pipe("cloudner")
    assert pipe.cfg["threshold"] == 0.25
    assert pipe.cfg["spans_key"] == "ner"
    assert pipe.labels == tiny.LABELS


@pytest.mark.parametrize("factory", ["cloudner", "cloudner_spans"])
def test_a_pipeline_takes_over_bytes_of_other_labels(factory, trained_folder, bert):
    """As a worker does whose pipeline is that of last week."""
    if factory == "cloudner":
        old, new = spacy.load(trained_folder), spacy.load(trained_folder)
    else:
        old, new = spans.make_nlp(bert), spans.make_nlp(bert)
    new.get_pipe(factory).add_label("DATE")
    small, large = old.to_bytes(), new.to_bytes()
    labels = {each: nlp.get_pipe(factory).labels for each, nlp in ((small, old), (large, new))}
    for sent in (large, small, large):
        old.from_bytes(sent)
        assert old.get_pipe(factory).labels == labels[sent]
        assert old.to_bytes() == sent
        n_outputs = old.get_pipe(factory).model.get_dim("nO")
        with pytest.raises(cloudner.CloudnerError):
            old.get_pipe(factory).from_bytes(new.get_pipe(factory).to_bytes()[:-9])
        assert old.get_pipe(factory).model.get_dim("nO") == n_outputs
    assert [tiny.ents(doc) for doc in old.pipe(TEXTS)] == [tiny.ents(doc) for doc in new.pipe(TEXTS)]


@pytest.mark.parametrize("way", ["disk", "bytes", "sourced"])
def test_settings_changed_in_memory_are_saved(way, trained_folder, tmp_path):
    """As of spaCy's own components, whose `cfg` is what counts."""
    nlp = cloudner.load(trained_folder, threshold=0.25)
    nlp.get_pipe("cloudner").cfg["spans_key"] = "all"
    if way == "sourced":
        other = spacy.blank("xx")
        other.add_pipe("cloudner", source=nlp)
        nlp = other
    if way == "bytes":
        made = spacy.load(trained_folder).from_bytes(nlp.to_bytes())
    else:
        nlp.to_disk(tmp_path / "pipeline")
        spacy.load(tmp_path / "pipeline").to_disk(tmp_path / "pipeline")  # nor does it depend on how often
        made = spacy.load(tmp_path / "pipeline")
    cfg = made.get_pipe("cloudner").cfg
    assert (cfg["threshold"], cfg["spans_key"], cfg["spans_floor"]) == (0.25, "all", 0.1)
    assert "changed" not in cfg


def test_a_config_changed_since_wins_over_settings_changed_in_memory(trained_folder, tmp_path):
    cloudner.load(trained_folder, threshold=0.25).to_disk(tmp_path / "pipeline")
    for config, threshold in (({}, 0.25), ({"components.cloudner.threshold": 0.5}, 0.5)):
        made = spacy.load(tmp_path / "pipeline", config=config)
        assert made.get_pipe("cloudner").cfg["threshold"] == threshold
    file = tmp_path / "pipeline" / "cloudner" / "cfg"
    saved = json.loads(file.read_text())
    for damaged in ({"threshold": 7}, {"threshold": "high"}, {"changed": 3}):
        file.write_text(json.dumps({**saved, **damaged}))
        with pytest.raises(cloudner.CloudnerError):
            spacy.load(tmp_path / "pipeline")


def test_weights_that_do_not_fit_are_refused(trained_folder, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = tmp_path / "pipeline"
    shutil.copytree(trained_folder, folder)
    file = folder / "cloudner" / "model" / "model.safetensors"
    tensors = load_file(file)
    del tensors["head.linear.bias"]
    save_file(tensors, file)
    with pytest.raises(ValueError, match=r"head\.linear\.bias"):
        spacy.load(folder)


def test_sourcing_from_another_pipeline(trained):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", source=trained)
    assert found(nlp) == found(trained)
    config = {"nlp": {"lang": "en", "pipeline": ["ner"]}}
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", name="ner", source=trained)
    assert nlp.pipe_names == config["nlp"]["pipeline"]
    assert found(nlp) == found(trained)


def test_sourcing_by_config(trained_folder, bert):
    config = {
        "nlp": {"lang": "xx", "pipeline": ["ner"]},
        "components": {"ner": {"source": str(trained_folder), "component": "cloudner"}},
    }
    nlp = spacy.util.load_model_from_config(spacy.util.Config(config), auto_fill=True)
    assert [tiny.ents(d) for d in nlp.pipe(TEXTS)] == [
        tiny.ents(d) for d in spacy.load(trained_folder).pipe(TEXTS)
    ]


def test_a_copy_of_the_model_is_independent(trained):
    model = trained.get_pipe("cloudner").model
    docs = [trained.make_doc(t) for t in TEXTS]
    before = model.predict(docs).scores
    other = model.copy()
    tiny.overfit(trained, steps=2)
    np.testing.assert_allclose(other.predict(docs).scores, before, atol=1e-6)
    assert np.abs(model.predict(docs).scores - before).max() > 0


def test_the_config_can_be_copied(trained):
    assert copy.deepcopy(trained.config) == trained.config
    json.dumps(trained.get_pipe("cloudner").cfg)


def test_pickle(trained_folder):
    """What joblib, Spark and spawned processes do, before and after training, with all that is made on the way."""
    nlp = cloudner.load(trained_folder, precision="int8")
    expected = found(nlp)
    assert found(pickle.loads(pickle.dumps(nlp))) == expected  # noqa: S301
    nlp = spacy.load(trained_folder)
    tiny.overfit(nlp, steps=2)
    again = pickle.loads(pickle.dumps(nlp))  # noqa: S301
    assert found(again) == found(nlp)
    tiny.overfit(again, steps=2)


@pytest.mark.parametrize("damage", ["lost", "cut", "pointer"])
def test_weights_that_are_not_there_are_told_with_their_path(damage, trained_folder, tmp_path):
    shutil.copytree(trained_folder, tmp_path / "pipeline")
    weights = tmp_path / "pipeline" / "cloudner" / "model" / "model.safetensors"
    if damage == "lost":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        weights.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(
        cloudner.CloudnerError, match=r"model\.safetensors: .*copy the pipeline's folder again"
    ):
        spacy.load(tmp_path / "pipeline")


def test_a_threshold_that_is_no_probability_is_refused_at_load(trained_folder):
    with pytest.raises(cloudner.CloudnerError, match=r"threshold = 40"):
        cloudner.load(trained_folder, threshold=40)
    with pytest.raises(cloudner.CloudnerError, match=r"spans_floor = 5"):
        spacy.load(trained_folder, config={"components": {"cloudner": {"spans_floor": 5}}})
