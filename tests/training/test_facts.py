"""What a training writes down of itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import spacy
from spacy.util import load_config

import tiny
from cloudner.calibration import calibrate
from cloudner.training.provenance import provenance

CONFIGS = Path(__file__).parents[2] / "configs"
GENERAL = {"@tokenizers": "spacy.Tokenizer.v1"}


def test_what_made_a_pipeline(tmp_path, monkeypatch):
    asked = {"corpora": {"paths.train": "ab12"}, "config": "cd34", "overrides": {"training.max_epochs": 3}}
    config = load_config(CONFIGS / "cpu.cfg", interpolate=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance(asked, config)["commit"] is None
    for command in ("init -q", "add file", "-c user.name=a -c user.email=a@b commit -qm first"):
        (tmp_path / "file").write_text("one")
        subprocess.run(["git", *command.split()], check=True)
    facts = provenance(asked, config)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert facts["commit"] == head.stdout.strip()
    (tmp_path / "file").write_text("two")
    assert provenance(asked, config)["commit"] == facts["commit"] + "+"
    assert facts["versions"]["spacy"] == spacy.__version__
    assert (facts["seed"], facts["data"], facts["config"]) == (0, {"paths.train": "ab12"}, "cd34")
    json.dumps(facts)


def test_a_temperature_that_makes_confidences_worse_is_not_kept(trained):
    """Every entity found is right, and many are missed by a sure O: the tags' likelihood wants a higher temperature, under
    which the entities' confidences would fall away from the truth."""
    missed = [(text, [*gold, (text.index(word), text.index(word) + len(word), "LOC")]) for (text, gold), word in zip(tiny.DATA, ("lived", "bought", "entity", "met"), strict=True)]  # fmt: skip
    made = calibrate(trained, tiny.make_examples(trained, missed))
    assert made.temperature == 1.0
    assert made.ece_after == made.ece_before
    assert trained.get_pipe("cloudner").cfg["temperature"] == 1.0
