"""Prodigy's annotations."""

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.registry import formats
from corpus.samples.words import DICTS, TEXT, lines


def test_prodigy_answers(aligner, tmp_path):
    row = {"text": TEXT, "_input_hash": 1, "spans": DICTS[:1]}
    path = tmp_path / "a.jsonl"
    path.write_text(lines(*[dict(row, answer=answer) for answer in ("accept", "reject", "ignore")]))
    source = next(open_sources(path))
    accepted, rejected, ignored = (aligner.doc(r) for r in formats()["prodigy"].read(source, ReadOptions()))
    assert [ent.text for ent in accepted.ents] == ["Marie Curie"]
    assert all(token.ent_iob_ == "O" for token in accepted[2:])
    assert not rejected.has_annotation("ENT_IOB")
    assert [(span.text, span.label_) for span in rejected.spans["incorrect_spans"]] == [
        ("Marie Curie", "PER")
    ]
    assert not ignored.has_annotation("ENT_IOB")
    assert not ignored.spans
    aligner.take_issues()


def test_prodigy_tokens_are_kept(aligner, tmp_path):
    text = "state-of-the-art models"
    tokens = [
        {"text": text[a:b], "start": a, "end": b, "id": i} for i, (a, b) in enumerate([(0, 16), (17, 23)])
    ]
    row = {"text": text, "_input_hash": 1, "tokens": tokens, "spans": [{"start": 0, "end": 16, "label": "X"}]}
    path = tmp_path / "a.jsonl"
    path.write_text(lines(row))
    doc = aligner.doc(next(formats()["prodigy"].read(next(open_sources(path)), ReadOptions())))
    assert [token.text for token in doc] == ["state-of-the-art", "models"]
    assert doc.text == text
    assert [ent.text for ent in doc.ents] == ["state-of-the-art"]
