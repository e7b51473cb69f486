from __future__ import annotations

import pytest
import spacy
import srsly
from huggingface_hub import ModelCard
from spacy.cli.package import package

from cloudner.errors import InputError
from cloudner.report.card import model_card, write_card
from cloudner.report.evaluate import evaluate
from rendered import rendered_links


@pytest.fixture
def evaluated(model, corpus):
    return evaluate(model, corpus[1], rounds=50)


DATA = {"train": {"documents": 1200, "entities": 3400}, "dev": {"documents": 100}}


def test_card_has_every_part_and_valid_front_matter(model, evaluated):
    model.meta["license"] = "MIT"
    model.meta["cloudner"] = {
        "calibration": {"temperature": 1.2, "ece_before": 0.05, "ece_after": 0.01},
        "data": DATA,
        "hardware": {"device": "NVIDIA A10G"},
        "settings": {"precision": "bf16"},
    }
    model.meta["performance"] = {"ents_f": evaluated.strict.micro.f1}
    card = model_card(model.meta, evaluation=evaluated)
    front = ModelCard(card).data.to_dict()
    assert front["license"] == "MIT"
    assert front["language"] == ["en"]
    assert "token-classification" in front["tags"]
    for expected in ("## Scores", "F1 69.57", "## Data", "1,200", "## Hardware", "NVIDIA A10G", "## Settings", "bf16",
                     "## Confidence", "## Mistakes", 'spacy.load("en_pipeline")'):  # fmt: skip
        assert expected in card, expected
    # Without an evaluation the scores of the meta are shown, and nothing is made up where there are none.
    assert "69.57" in model_card(model.meta)
    assert "Not measured." in model_card(spacy.blank("en").meta)


def test_spacy_package_takes_the_card_along(model, evaluated, tmp_path):
    model.meta["cloudner"] = {"data": DATA}
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


LINK = "[here](javascript:alert(1))"


@pytest.mark.parametrize("key", ["description", "author", "license", "version", "name", "notes"])
@pytest.mark.parametrize("text", ["<script>x</script> | a", LINK, "![x](javascript:alert(1))", "<javascript:alert(1)>",
                                  "[x]\n\n[x]: javascript:alert(1)", "[x](&#106;avascript:alert(1))"])  # fmt: skip
def test_odd_text_in_the_meta_stays_text(model, key, text):
    model.meta[key] = text
    front, body = model_card(model.meta).split("\n---\n", 1)
    assert srsly.yaml_loads(front)["library_name"] == "spacy"
    assert rendered_links(body) == []


def test_notes_keep_their_markdown(model):
    model.meta["notes"] = "Trained on *news*, see [the data](https://example.org)."
    assert model.meta["notes"] in model_card(model.meta)
