from __future__ import annotations

import pytest
import spacy
import srsly
from spacy.cli.package import package

from cloudner.errors import InputError
from cloudner.report.card import fill_meta, model_card, write_card
from cloudner.report.evaluate import evaluate


@pytest.fixture
def evaluated(model, corpus):
    return evaluate(model, corpus[1], rounds=50)


DATA = {"train": {"documents": 1200, "entities": 3400}, "dev": {"documents": 100}}


def test_meta_gets_scores_data_hardware_and_settings(model, evaluated):
    meta = fill_meta(
        model, evaluation=evaluated, data=DATA, hardware={"device": "CPU"}, settings={"precision": "bf16"}
    )
    assert meta is model.meta or meta == model.meta
    assert model.meta["performance"]["ents_f"] == evaluated.strict.micro.f1
    assert (
        model.meta["performance"]["ents_per_type"]["LOC"]["p"] == evaluated.strict.per_label["LOC"].precision
    )
    assert model.meta["cloudner"]["data"]["train"]["documents"] == 1200
    assert model.meta["description"].startswith("Named entity recognition for the language en: ")
    fill_meta(model, settings={"batch": 32})
    assert model.meta["cloudner"]["settings"] == {"precision": "bf16", "batch": 32}


def test_a_users_description_is_kept(model):
    model.meta["description"] = "Mine."
    assert fill_meta(model)["description"] == "Mine."


def test_meta_survives_the_disk(model, evaluated, tmp_path):
    fill_meta(model, evaluation=evaluated, data=DATA)
    model.to_disk(tmp_path / "model")
    assert spacy.load(tmp_path / "model").meta["cloudner"]["data"] == DATA


def test_card_has_every_part_and_valid_front_matter(model, evaluated):
    model.meta["license"] = "MIT"
    model.meta["cloudner"] = {"calibration": {"temperature": 1.2, "ece_before": 0.05, "ece_after": 0.01}}
    fill_meta(
        model,
        evaluation=evaluated,
        data=DATA,
        hardware={"device": "NVIDIA A10G"},
        settings={"precision": "bf16"},
    )
    card = model_card(model.meta, evaluation=evaluated)
    front = srsly.yaml_loads(card.split("---")[1])
    assert front["license"] == "MIT"
    assert front["language"] == ["en"]
    for expected in ("## Scores", "F1 69.57", "## Data", "1,200", "## Hardware", "NVIDIA A10G", "## Settings", "bf16",
                     "## Confidence", "## Mistakes", 'spacy.load("en_pipeline")'):  # fmt: skip
        assert expected in card, expected
    # Without an evaluation the scores of the meta are shown, and nothing is made up where there are none.
    assert "69.57" in model_card(model.meta)
    assert "Not measured." in model_card(spacy.blank("en").meta)


def test_spacy_package_takes_the_card_along(model, evaluated, tmp_path):
    fill_meta(model, evaluation=evaluated, data=DATA)
    model.to_disk(tmp_path / "model")
    path = write_card(tmp_path / "model", evaluation=evaluated)
    assert path == tmp_path / "model" / "README.md"
    (tmp_path / "out").mkdir()
    package(tmp_path / "model", tmp_path / "out", create_sdist=False, create_wheel=False, silent=True)
    readme = tmp_path / "out" / "en_pipeline-0.0.0" / "README.md"
    assert readme.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


def test_card_goes_elsewhere_on_demand_and_needs_a_pipeline(model, tmp_path):
    model.to_disk(tmp_path / "model")
    path = write_card(tmp_path / "model", output=tmp_path / "cards" / "card.md")
    assert path.exists()
    assert not (tmp_path / "model" / "README.md").exists()
    with pytest.raises(InputError, match=r"meta\.json is missing"):
        write_card(tmp_path)


def test_odd_text_in_the_meta_stays_text(model):
    model.meta["description"] = "<script>x</script> | a"
    assert "<script>" not in model_card(model.meta)
