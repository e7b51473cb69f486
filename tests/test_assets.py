"""The corpus in assets/ keeps the rules of assets/ANNOTATION.md."""

import csv
import importlib.util
import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ASSETS = Path(__file__).resolve().parent.parent / "assets"
FOLDERS = {"en": ASSETS, "zh": ASSETS / "zh"}
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("assets_build", ASSETS / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def table(language, split):
    with (FOLDERS[language] / f"{split}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def masked(text, spans):
    """The sentence with its entities exchanged for their labels, digits for 0, case and spacing levelled."""
    for span in reversed(spans):
        text = f"{text[: span.start]}<{span.label}>{text[span.end :]}"
    return " ".join(re.sub(r"\d", "0", text).lower().split())


def test_csv_files_are_what_build_makes(build):
    done = subprocess.run(
        [sys.executable, str(ASSETS / "build.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(build.tables()) == 6


def test_check_notices_a_stale_file(build, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "LANGUAGES", {"en": (" ", tmp_path)})
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / "corpus" / "en").mkdir(parents=True)
    source = tmp_path / "corpus" / "en" / "news.md"
    source.write_text("## a | train\n[Ann](PER) left.\n\n## b | test\nNobody came.\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["build.py"])
    assert build.main() == 0
    monkeypatch.setattr(sys, "argv", ["build.py", "--check"])
    assert build.main() == 0
    source.write_text("## a | train\n[Ann](PER) left again.\n\n## b | test\nNobody came.\n", encoding="utf-8")
    assert build.main() == 1
    source.write_text("## a | train\n[Ann] (PER) left.\n", encoding="utf-8")
    assert build.main() == 1


@LANGUAGES
def test_offsets_labels_and_nesting(build, language):
    for split in build.SPLITS:
        for row in table(language, split):
            end_before = 0
            for start, end, label in json.loads(row["entities"]):
                assert label in build.LABELS, row["id"]
                assert end_before <= start < end <= len(row["text"]), row["id"]
                surface = row["text"][start:end]
                assert surface == surface.strip(), (row["id"], surface)
                end_before = end
            assert not build.SLIP.search(row["text"]), row["id"]
            assert "  " not in row["text"], row["id"]


@LANGUAGES
def test_offsets_point_at_the_marked_surface(build, language):
    by, _ = build.LANGUAGES[language]
    rows = {row["id"]: row for split in build.SPLITS for row in table(language, split)}
    for made in build.rows(language):
        row = rows[made.id]
        found = [row["text"][start:end] for start, end, _ in json.loads(row["entities"])]
        assert found == [span.surface for _, spans in made.sentences for span in spans]
        assert row["text"] == by.join(text for text, _ in made.sentences)


@LANGUAGES
def test_no_two_sentences_are_alike_once_masked(build, language):
    seen = defaultdict(set)
    for row in build.rows(language):
        for number, (text, spans) in enumerate(row.sentences):
            mask = masked(text, spans)
            words = re.sub(r"<\w+>", "", mask)
            # the rows of one table hold only names and figures: alike within it, but not beside another table's
            is_table_row = not any(c.isalpha() for c in words)
            seen[mask].add((row.id, None if is_table_row else number, "table" if is_table_row else text))
    assert [sorted(where, key=str) for where in seen.values() if len(where) > 1] == []


@LANGUAGES
def test_a_topic_stands_in_one_split(build, language):
    topics = {split: {row["topic"] for row in table(language, split)} for split in build.SPLITS}
    assert all(topics.values())
    assert not topics["train"] & topics["test"]
    assert not topics["train"] & topics["dev"]
    assert not topics["dev"] & topics["test"]


@pytest.mark.parametrize(("language", "least"), [("en", 1200), ("zh", 1100)])
def test_size(build, language, least):
    rows = list(build.rows(language))
    assert len({row.id for row in rows}) == len(rows)
    assert sum(len(row.sentences) for row in rows) >= least
    labels = {span.label for row in rows for _, spans in row.sentences for span in spans}
    assert labels == set(build.LABELS)


@pytest.mark.parametrize(("language", "sentences", "unseen"), [("en", 250, 0.8), ("zh", 280, 0.95)])
def test_the_test_split_is_large_and_its_entities_are_new(build, language, sentences, unseen):
    found = defaultdict(set)
    count = 0
    for row in build.rows(language):
        count += len(row.sentences) if row.split == "test" else 0
        found[row.split] |= {span.surface for _, spans in row.sentences for span in spans}
    assert count >= sentences
    assert len(found["test"] - found["train"]) >= unseen * len(found["test"])


@LANGUAGES
def test_some_documents_hold_no_entity(build, language):
    assert {row.split for row in build.rows(language) if not row.entities} >= {"train", "test"}
