"""`cloudner review` as a whole, with a tiny encoder; and the page and the exports from made-up suspects."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import spacy
import srsly

import cloudner
import tiny
from cloudner.errors import ConfigError, InputError
from cloudner.folds.dividing import divide
from cloudner.folds.documents import corpus_digest, read_config, read_corpus
from cloudner.folds.out_of_fold import corpora, shorter
from cloudner.reviewing.page import page
from cloudner.reviewing.rows import doccano_lines, label_studio_tasks, lines, row
from cloudner.reviewing.suspects import Suspect

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cpu.cfg"


def write_corpus(path: Path, copies: int = 9) -> Path:
    names = ["Marie Curie", "Ada Lovelace", "Angela Merkel"]
    rows = [{"id": str(i), "text": text, "entities": ents} for i, (text, ents) in enumerate(tiny.DATA)]
    for i in range(copies):
        name, text = names[i % 3], f"{names[i % 3]} lived in Paris for {'many ' * i}years"
        rows.append({"id": f"p{i}", "text": text, "entities": [[0, len(name), "PER"]]})
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), "utf8")
    return path


def short(encoder):
    return {
        "components.cloudner.model.encoder": str(encoder),
        "components.cloudner.model.mixed_precision": "fp32",
        "training.max_epochs": 1,
    }


def test_a_corpus_from_folds_to_decisions(bert, tmp_path):
    corpus = write_corpus(tmp_path / "corpus.jsonl")
    settings = {
        "config": CONFIG,
        "folds": 2,
        "overrides": short(bert),
        "gpu_id": -1,
        "output": tmp_path / "out",
    }
    made = cloudner.review(corpus, **settings)
    assert made.docs == 13
    given = [s for s in made.suspects if s.given is not None]
    assert len(given) == made.annotations == 17  # each annotation has a probability
    assert all(path.is_file() for path in made.files.values())
    assert not (tmp_path / "out" / "folds" / "fold-0").exists()  # its predictions are kept, not its pipeline
    probabilities = [each["probability"] for each in made.rows]
    assert probabilities == sorted(probabilities, reverse=True)

    # A kill after the first fold: only the second is trained again. Decisions are kept.
    first, second = (tmp_path / "out" / "folds" / f"fold-{n}.json" for n in range(2))
    time, kept = first.stat().st_mtime_ns, second.read_text("utf8")
    second.unlink()
    rows = [json.loads(line) for line in made.files["rows"].read_text("utf8").splitlines()]
    chosen = next(i for i, each in enumerate(rows) if each["kind"] == "invented")
    rows[chosen]["decision"] = "accept"
    made.files["rows"].write_text(lines(rows), "utf8")
    again = cloudner.review(corpus, **settings)
    assert first.stat().st_mtime_ns == time
    assert json.loads(second.read_text("utf8"))["documents"] == json.loads(kept)["documents"]
    assert [each["decision"] for each in again.rows].count("accept") == 1

    report = cloudner.convert(corpus, tmp_path / "better.jsonl", apply=again.files["rows"])
    assert report.decisions["accept"] == 1
    assert report.entities == made.annotations - 1


def test_copies_of_a_text_are_in_one_fold():
    nlp = spacy.blank("en")
    texts = [f"{name} met {other} in 18{i}0" for i in range(4) for name in "ABCDE" for other in "VWXYZ"]
    docs = [nlp.make_doc(text) for text in [*texts, *(text.lower() + "!" for text in texts)]]
    docs[0].user_data["meta"] = docs[7].user_data["meta"] = {"group": "g"}
    parts = divide(docs, 3, seed=0)
    assert set(parts) == {0, 1, 2}
    assert parts[:100] == parts[100:]
    assert parts[0] == parts[7]
    with pytest.raises(ConfigError, match="2 different texts for 3 folds"):
        divide([nlp("a"), nlp("b")], 3, seed=0)
    with pytest.raises(ConfigError, match="1 folds"):
        divide(docs, 1, seed=0)


def test_predictions_of_another_corpus_are_not_taken_for_this_ones():
    nlp = spacy.blank("en")
    doc = nlp("Ada met Bob")
    before = corpus_digest([doc])
    assert corpus_digest([nlp("Ada met Bob")]) == before
    doc.set_ents([spacy.tokens.Span(doc, 0, 1, "PER")])
    assert corpus_digest([doc]) != before
    assert corpus_digest([doc, doc]) != corpus_digest([doc])


def test_a_language_of_the_command_line_splits_texts_as_in_training(tmp_path):
    path = tmp_path / "zh.jsonl"
    path.write_text('{"id": 7, "text": "王小明在北京", "entities": [[4, 6, "LOC"]]}\n', "utf8")
    corpus = read_corpus(path, read_config(CONFIG, {"nlp.lang": "zh"}))
    assert [token.text for token in corpus.docs[0]] == list("王小明在北京")
    assert corpus.names == ["7"]
    assert [ent.text for ent in corpus.docs[0].ents] == ["北京"]


def test_trainings_are_shorter_unless_it_is_said_how_long():
    plain = read_config(CONFIG, {})
    made = shorter(plain, {})
    assert made == {"training.max_epochs": 2, "training.optimizer.learn_rate.min_steps": 400}
    assert shorter(plain, {"training.max_epochs": 5}) == {}
    paths = {"train": Path("a.spacy"), "dev": Path("b.spacy")}
    assert corpora(plain, paths) == {
        "corpora.train.path": "a.spacy", "paths.train": "a.spacy", "corpora.dev.path": "b.spacy", "paths.dev": "b.spacy",
    }  # fmt: skip
    del plain["corpora"]["dev"]["path"]
    with pytest.raises(ConfigError, match=r"dev_corpus = 'corpora\.dev' is no reader with a path"):
        corpora(plain, paths)
    plain["components"]["cloudner"]["gold_spans_key"] = "sc"
    with pytest.raises(ConfigError, match="gold_spans_key = 'sc' of cloudner"):
        corpora(plain, paths)


def test_what_cannot_be_reviewed(tmp_path):
    (tmp_path / "a.txt").write_text("no annotation here")
    with pytest.raises(InputError):
        cloudner.review(tmp_path / "a.txt", CONFIG)
    with pytest.raises(InputError, match="no such config"):
        cloudner.review(tmp_path / "a.txt", tmp_path / "no.cfg")


# -- rows, exports, page ------------------------------------------------------------------------------------------

EVIL = '</script><img src=x onerror="alert(1)">\u2028<!--'


@pytest.fixture
def doc():
    nlp = spacy.blank("en")
    made = nlp("Ada 😀 met Bob Stone in Paris")
    made.set_ents([spacy.tokens.Span(made, 0, 1, "ORG"), spacy.tokens.Span(made, 4, 5, "PER")])
    return made


SUSPECTS = [
    Suspect(0, "boundary", (4, 5, "PER"), (3, 5, "PER"), 0.99, True),
    Suspect(0, "type", (0, 1, "ORG"), (0, 1, "PER"), 0.9, True),
    Suspect(0, "missed", None, (6, 7, "LOC"), 0.8, True),
    Suspect(0, "missed", None, (4, 7, "LOC"), 0.1, False),
]


def test_a_row_says_what_and_where(doc):
    made = row(SUSPECTS[0], doc, "x")
    text = doc.text
    assert made["text"] == text[made["start"] : made["end"]] == "Stone"
    assert made["suggested"] == {"start": 10, "end": 19, "label": "PER"}
    assert made["suggested_text"] == "Bob Stone"
    assert made["before"] + made["text"] + made["after"] == text
    assert (made["id"], made["label"], made["kind"], made["decision"]) == ("x", "PER", "boundary", "")
    missed = row(SUSPECTS[2], doc, "x")
    assert (missed["label"], missed["text"]) == (None, "Paris")


def test_the_exports_are_read_by_convert_with_the_suggestions_in_them(doc, tmp_path):
    path = tmp_path / "doccano.jsonl"
    path.write_text(doccano_lines(SUSPECTS, [doc], ["x"]), "utf8")
    report = cloudner.convert(path, tmp_path / "a.jsonl", format="doccano")
    assert (report.entities, report.lost) == (3, 0)
    (made,) = srsly.read_jsonl(tmp_path / "a.jsonl")
    corrected = [(e["start"], e["end"], e["label"]) for e in made["entities"]]
    assert corrected == [(0, 3, "PER"), (10, 19, "PER"), (23, 28, "LOC")]

    (task,) = label_studio_tasks(SUSPECTS, [doc], ["x"])
    assert task["data"] == {"text": doc.text, "id": "x"}
    assert [r["value"]["labels"] for r in task["annotations"][0]["result"]] == [["ORG"], ["PER"]]
    (prediction,) = task["predictions"]
    assert prediction["score"] == 0.99
    # Label Studio counts UTF-16 code units: the character before is two.
    assert [r["value"]["start"] for r in prediction["result"]] == [0, 11, 24]
    srsly.write_json(tmp_path / "tasks.json", [task])
    report = cloudner.convert(tmp_path / "tasks.json", tmp_path / "b.jsonl")
    assert (report.entities, report.lost) == (2, 0)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [v for k, v in attrs if k in ("src", "href", "action", "data") and v]


def test_the_page_escapes_what_comes_from_data():
    rows = [
        {"id": EVIL, "kind": "type", "start": 0, "end": 1, "label": EVIL, "text": EVIL, "before": EVIL, "after": EVIL,
         "suggested": {"start": 0, "end": 1, "label": "B" + EVIL}, "suggested_text": EVIL, "probability": 0.5,
         "confident": True, "decision": ""},
    ]  # fmt: skip
    made = page(rows, lines(rows), title=EVIL, summary=EVIL)
    seen = Page(made)
    assert "img" not in seen.tags
    assert seen.loads == ["#main"]
    assert seen.tags.count("script") == 2
    assert "default-src 'none'" in made
    assert re.search(r"script-src 'sha256-[\w+/=]{44}'", made)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', made, re.DOTALL)
    assert json.loads(data)["rows"] == rows
    script = made.rpartition("<script>")[2]
    assert "innerHTML" not in script
