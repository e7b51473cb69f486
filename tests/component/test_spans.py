"""`cloudner_spans`: what it learns, writes, scores, saves; texts longer than a window."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import spacy
from spacy.tokens import Span
from spacy.training import Example

import cloudner
import spans
import tiny
from cloudner.errors import ConfigError, InputError
from cloudner.training import state

TEXTS = [text for text, _ in spans.NESTED]


@pytest.fixture(scope="module")
def folder(bert, tmp_path_factory):
    nlp = spans.overfit(spans.make_nlp(bert))
    folder = tmp_path_factory.mktemp("spans") / "pipeline"
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def nlp(folder):
    return spacy.load(folder)


def predicted(nlp):
    return [spans.found(doc) for doc in nlp.pipe(TEXTS)]


def test_all_depths_same_labels_and_crossing_spans_are_learnt(nlp):
    for doc, (_, expected) in zip(nlp.pipe(TEXTS), spans.NESTED, strict=True):
        assert spans.found(doc) == sorted(expected)


def test_what_has_learned_nothing_finds_nothing(bert):
    assert predicted(spans.make_nlp(bert)) == [[]] * len(TEXTS)


def test_a_probability_for_each_span(nlp):
    doc = nlp(TEXTS[0])
    group = doc.spans["sc"]
    scores = group.attrs["scores"]
    assert scores.shape == (3,)
    assert ((scores >= 0.5) & (scores <= 1)).all()
    assert [span._.confidence for span in group] == scores.tolist()
    assert [s.start for s in group] == sorted(s.start for s in group)
    again = spacy.tokens.Doc(nlp.vocab).from_bytes(doc.to_bytes())
    assert again.spans["sc"].attrs["scores"].tolist() == scores.tolist()


def test_tables_services_and_bulk_jobs_give_the_spans(nlp, folder, tmp_path):
    """Where nothing writes doc.ents; elsewhere they give those."""
    from cloudner.serving.recognition import recognize

    def near(confidence):
        return pytest.approx(confidence, abs=1e-4)

    expected = [
        [
            (s.start_char, s.end_char, s.label_, near(p))
            for s, p in zip(doc.spans["sc"], doc.spans["sc"].attrs["scores"], strict=True)
        ]
        for doc in nlp.pipe(TEXTS)
    ]
    assert sum(map(len, expected)) > len(TEXTS)
    rows = cloudner.predict(nlp, TEXTS, to="rows")
    for number, spans_of_one in enumerate(expected):
        mine = [row for row in rows if row["document"] == number]
        assert [(r["start"], r["end"], r["label"], r["confidence"]) for r in mine] == spans_of_one
    served = [
        [(e["start"], e["end"], e["label"], e["confidence"]) for e in found]
        for found in recognize(nlp, TEXTS)
    ]
    assert served == expected
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in TEXTS))
    cloudner.annotate(
        tmp_path / "texts.jsonl", tmp_path / "out", model=folder, to="jsonl", workers=1, log=False
    )
    (piece,) = (tmp_path / "out").glob("*.jsonl")
    written = [json.loads(line)["entities"] for line in piece.read_text("utf-8").splitlines()]
    assert [
        [(e["start"], e["end"], e["label"], e["confidence"]) for e in found] for found in written
    ] == expected


def test_each_of_several_labels_in_one_place_has_its_own_probability(nlp):
    """Not the highest of them, which let the unlikely ones past a threshold."""
    from cloudner.serving.recognition import recognize

    pipe = nlp.get_pipe("cloudner_spans")
    pipe.cfg["threshold"] = 0.001
    text = TEXTS[0]
    doc = nlp(text)
    group = doc.spans["sc"]
    expected = [
        (s.start_char, s.end_char, s.label_, float(p))
        for s, p in zip(group, group.attrs["scores"], strict=True)
    ]
    assert len({row[:2] for row in expected}) < len(expected)
    rows = cloudner.predict(nlp, [text], to="rows")
    assert [(r["start"], r["end"], r["label"], r["confidence"]) for r in rows] == expected
    (served,) = recognize(nlp, [text])
    assert [(e["label"], e["confidence"]) for e in served] == [(e[2], round(e[3], 6)) for e in expected]
    sure = cloudner.predict(nlp, [text], to="rows", threshold=0.5)
    assert [r["label"] for r in sure] == [row[2] for row in expected if row[3] >= 0.5]


def test_threshold(nlp):
    pipe = nlp.get_pipe("cloudner_spans")
    sure = [p for doc in nlp.pipe(TEXTS) for p in doc.spans["sc"].attrs["scores"]]
    pipe.cfg["threshold"] = float(np.median(sure))
    fewer = [p for doc in nlp.pipe(TEXTS) for p in doc.spans["sc"].attrs["scores"]]
    assert fewer == [p for p in sure if p >= pipe.cfg["threshold"]]
    pipe.cfg["threshold"] = 1.0
    assert predicted(nlp) == [[]] * len(TEXTS)
    pipe.cfg["threshold"] = 0.0
    doc = nlp("a b c")
    assert len(doc.spans["sc"]) == 6 * len(spans.LABELS)


def test_entities_where_asked_for(nlp):
    pipe = nlp.get_pipe("cloudner_spans")
    doc = nlp(TEXTS[0])
    assert not doc.ents
    pipe.cfg["ents"] = "longest"
    doc = nlp(TEXTS[0])
    assert tiny.ents(doc) == [(1, 5, "ORG")]
    scores = dict(zip(spans.found(doc), doc.spans["sc"].attrs["scores"], strict=True))
    assert doc.ents[0]._.confidence == scores[1, 5, "ORG"]
    two = nlp(TEXTS[4])  # one span with two labels: the likelier
    likelier = max(zip(two.spans["sc"].attrs["scores"][:2], ("LOC", "ORG"), strict=True))
    assert tiny.ents(two) == [(0, 1, likelier[1]), (3, 4, "LOC")]
    assert two.ents[0]._.confidence == likelier[0]
    before = nlp.make_doc(TEXTS[0])
    before.set_ents([Span(before, 4, 5, label="KEPT")])
    assert tiny.ents(nlp(before)) == [(1, 4, "ORG"), (4, 5, "KEPT")]


@pytest.mark.parametrize("where", ["before", "after"])
def test_the_tagger_beside_it_keeps_the_confidences_of_its_entities(where, nlp, trained):
    """Extension attributes go by the place: an entity had the number of a span there, of whatever label."""
    text = tiny.DATA[0][0]
    alone = [ent._.confidence for ent in trained(text).ents]
    assert len(alone) == 2
    nlp.add_pipe("cloudner", source=trained, **{where: "cloudner_spans"})
    nlp.get_pipe("cloudner_spans").cfg["threshold"] = 0.0
    doc = nlp(text)
    assert [ent._.confidence for ent in doc.ents] == pytest.approx(alone, abs=1e-9)
    assert len(doc.spans["sc"]) > len(doc.ents)
    assert all(span._.confidence is not None for span in doc.spans["sc"])


def test_white_space_and_empty_documents(nlp):
    docs = list(nlp.pipe(["", "  \n ", "  " + TEXTS[0].replace(" of ", "  of ") + " "]))
    assert [len(doc.spans["sc"]) for doc in docs[:2]] == [0, 0]
    inside = [(span.text.split(), span.label_) for span in docs[2].spans["sc"]]
    assert (["University", "of", "Warsaw"], "ORG") in inside


def test_gold_of_other_tokens_and_of_entities(bert, caplog):
    nlp = spans.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner_spans")
    flat = spans.gold(nlp, spans.NESTED[1:2], key=None)
    for _ in range(2):
        pipe.update(flat)
    assert [r.message.count("doc.ents") for r in caplog.records if "doc.ents" in r.message] == [1]
    assert pipe._gold(flat).spans.tolist() == [[0, 1, 2], [3, 3, 1], [5, 5, 0]]
    nothing = [Example(nlp.make_doc("a b"), nlp.make_doc("a b"))]
    assert pipe._gold(nothing) is None
    assert pipe.update(nothing) == {"cloudner_spans": 0.0}
    # A reference with other tokens: what aligns is learnt, of what does not nothing is known.
    reference = spacy.tokens.Doc(
        nlp.vocab, words=["Marie", "Curie", "met", "Ap", "ple"], spaces=[True, True, True, False, False]
    )
    reference.spans["sc"] = [Span(reference, 0, 2, label="PER"), Span(reference, 3, 4, label="ORG")]
    made = pipe._gold([Example(nlp.make_doc("Marie Curie met Apple"), reference)])
    assert made.spans.tolist() == [[0, 1, 2]]
    assert made.unknown.tolist() == [False, False, False, True]


def test_of_unknown_tokens_only_what_is_annotated_counts(bert):
    nlp = spans.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner_spans")
    text, there = "Marie Curie met Apple in Paris", [(0, 2, "PER"), (2, 4, "ORG")]
    reference = nlp.make_doc(text)
    reference.set_ents(
        [Span(reference, a, b, label=label) for a, b, label in there],
        missing=[Span(reference, 4, 6)],
        default="outside",
    )
    gold = pipe._gold([Example(nlp.make_doc(text), reference)])
    assert gold.unknown.tolist() == [False] * 4 + [True] * 2
    gold.unknown[2] = True  # inside an entity, which stays
    runner = pipe.model.shims[0].runner
    prepared = runner._prepared(runner.tokenizer.encode(gold.docs), gold.docs)
    assert runner._labelled(prepared, gold).tolist() == [len(spans.LABELS)]
    rows = np.array([0])
    targets = runner._targets(prepared, rows, gold, runner._laid_out(prepared, rows))
    known = {(s, e) for s in range(6) for e in range(s, 6) if not {2, 4, 5} & set(range(s, e + 1))}
    assert set(map(tuple, targets.known[0].nonzero().tolist())) == known
    assert targets.gold.tolist() == [2 * 36 + 0 * 6 + 1, 1 * 36 + 2 * 6 + 3]


def test_unknown_labels_and_settings(bert):
    nlp = spans.make_nlp(bert)
    with pytest.raises(ConfigError, match="'NEW' was not there"):
        nlp.update(spans.gold(nlp, [("a b", [(0, 1, "NEW")])]), sgd=tiny.adamw())
    for wrong in ({"ents": "all"}, {"threshold": 2.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            spacy.blank("en").add_pipe("cloudner_spans", config={**spans.settings(bert), **wrong})
    with pytest.raises(ConfigError, match="no entity labels"):
        spans.make_nlp(bert, [("nothing here", [])])


def test_labels_are_added_to_a_trained_pipeline(nlp):
    pipe = nlp.get_pipe("cloudner_spans")
    before = predicted(nlp)
    assert (pipe.add_label("NEW"), pipe.add_label("NEW")) == (1, 0)
    assert pipe.labels == (*spans.LABELS, "NEW")
    assert predicted(nlp) == before
    spans.overfit(nlp, steps=25, data=[*spans.NESTED, ("Monday came", [(0, 1, "NEW")])])
    assert spans.found(nlp("Monday came")) == [(0, 1, "NEW")]


def test_labels_given_to_initialize(bert):
    nlp = spacy.blank("en")
    pipe = nlp.add_pipe("cloudner_spans", config=spans.settings(bert))
    pipe.initialize(lambda: spans.gold(nlp), nlp=nlp, labels=["PER", "LOC", "ORG", "MISC"])
    assert pipe.labels == ("PER", "LOC", "ORG", "MISC")
    assert pipe.label_data == list(pipe.labels)


# -- saving -------------------------------------------------------------------------------------------------------


def test_bytes_disk_copy_and_pickle_give_the_same_spans(nlp, folder, bert, tmp_path):
    expected = [(spans.found(d), d.spans["sc"].attrs["scores"].tolist()) for d in nlp.pipe(TEXTS)]

    def same(other):
        assert [
            (spans.found(d), d.spans["sc"].attrs["scores"].tolist()) for d in other.pipe(TEXTS)
        ] == expected

    empty = spacy.blank("en")
    empty.add_pipe("cloudner_spans", config=spans.settings(bert, head_size=8))
    same(empty.from_bytes(nlp.to_bytes()))
    same(pickle.loads(pickle.dumps(nlp)))  # noqa: S301
    nlp.to_disk(tmp_path / "again")
    same(spacy.load(tmp_path / "again"))
    model = tmp_path / "again" / "cloudner_spans" / "model"
    assert {p.name for p in model.iterdir()} == {
        "model.safetensors",
        "encoder.json",
        "network.json",
        "pieces.json",
        "tokenizer.json",
    }
    assert json.loads((model / "network.json").read_text())["head_size"] == 64


@pytest.mark.parametrize(
    "change", [{"head": "softmax"}, {"head_size": 7}, {"head_size": 10**9}, {"n_tags": 5}]
)
def test_damaged_files_give_one_clear_error(nlp, tmp_path, change):
    nlp.to_disk(tmp_path / "p")
    path = tmp_path / "p" / "cloudner_spans" / "model" / "network.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InputError, match=r"head|n_tags"):
        spacy.load(tmp_path / "p")


def test_labels_that_are_not_the_heads(nlp, tmp_path):
    nlp.to_disk(tmp_path / "p")
    path = tmp_path / "p" / "cloudner_spans" / "cfg"
    path.write_text(json.dumps({**json.loads(path.read_text()), "labels": ["A"]}))
    with pytest.raises(InputError, match="1 labels, and the saved head has 3"):
        spacy.load(tmp_path / "p")


# -- scores -------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_spancats_scorer(nlp):
    missed = [(text, found[:-1]) if i == 0 else (text, found) for i, (text, found) in enumerate(spans.NESTED)]
    scores = nlp.evaluate(spans.gold(nlp, missed))
    n = sum(len(found) for _, found in spans.NESTED)
    assert scores["spans_sc_r"] == 1.0
    assert scores["spans_sc_p"] == pytest.approx((n - 1) / n)
    assert set(scores["spans_sc_per_type"]) == set(spans.LABELS)
    flat = nlp.evaluate(spans.gold(nlp, spans.NESTED[1:2], key=None))
    assert flat["spans_sc_f"] == 1.0


def test_another_key(bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner_spans", config={**spans.settings(bert), "spans_key": "all"})
    examples = spans.gold(nlp, key="all")
    tiny.start(nlp, examples)
    optimizer = tiny.adamw(1e-2)
    for _ in range(40):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)["spans_all_f"] == 1.0


# -- long documents -----------------------------------------------------------------------------------------------


def test_a_span_lies_in_the_window_of_its_first_token(bert, caplog):
    """Windows of 20 pieces over a document of many: gold and predictions cross from what a window owns into its context."""
    text = "we saw Marie Curie in Paris and Apple in Warsaw then " * 6
    names = [
        (i * 11 + s, i * 11 + e, label)
        for i in range(6)
        for s, e, label in ((2, 4, "PER"), (2, 6, "LOC"), (7, 8, "ORG"))
    ]
    data = [(text.strip(), names)]
    nlp = spans.make_nlp(bert, data, window=42, context=12)
    runner = nlp.get_pipe("cloudner_spans").model.shims[0].runner
    prepared = runner._prepared(runner.tokenizer.encode([nlp.make_doc(data[0][0])]), [])
    assert len(prepared.lengths) > 3
    rows = prepared.rows_of(np.array([[s, e - 1, 0] for s, e, _ in names]))
    assert (rows >= 0).all()
    crossing = [(s, e) for (s, e, _), row in zip(names, rows, strict=True) if e > prepared.row_last[row]]
    assert crossing, "no span goes from a window into its context: the test shows nothing"
    spans.overfit(nlp, steps=60, data=data)
    assert spans.found(nlp(data[0][0])) == sorted(names)
    assert not [r for r in caplog.records if "beyond the window" in r.message]


def test_spans_longer_than_a_window_are_told_and_dropped(bert, caplog):
    words = "Marie Curie moved from Warsaw to Paris and worked there "
    data = [((words * 8).strip(), [(0, 78, "ORG"), (0, 2, "PER")])]
    nlp = spans.make_nlp(bert, data, window=40, context=8)
    for _ in range(2):
        nlp.update(spans.gold(nlp, data), sgd=tiny.adamw())
    told = [r.message for r in caplog.records if "beyond the window" in r.message]
    assert len(told) == 1
    assert told[0].startswith("1 of the 2 spans")
    assert "`context` (8)" in told[0]


# -- devices, precisions, processes -------------------------------------------------------------------------------


def test_sentences_as_windows(bert):
    """A sentence reads its neighbours; a span may end in the next one."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("cloudner_spans", config=spans.settings(bert, window_unit="sentence", context=20))
    text, there = "Marie Curie left. Paris is far.", [(0, 2, "PER"), (2, 6, "ORG"), (4, 5, "LOC")]
    data = spans.gold(nlp, [(text, there)])
    for eg in data:
        nlp.get_pipe("sentencizer")(eg.predicted)
    tiny.start(nlp, data)
    optimizer = tiny.adamw(1e-2)
    for _ in range(30):
        nlp.update(data, sgd=optimizer)
    assert spans.found(nlp(text)) == sorted(there)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
def test_other_precisions_find_the_same(folder, precision):
    expected = predicted(cloudner.load(folder, device="cpu", precision="fp32"))
    assert predicted(cloudner.load(folder, device="cpu", precision=precision, backend="torch")) == expected


@pytest.mark.slow
def test_an_exported_encoder_finds_the_same(folder):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    nlp = cloudner.load(folder, device="cpu", precision="fp32", backend="onnxruntime")
    assert predicted(nlp) == predicted(spacy.load(folder))


def test_memory_that_runs_out_changes_nothing(nlp, monkeypatch):
    """Micro-batches of more than one sequence fail as torch does, in training and in prediction."""
    texts, examples = TEXTS[:2], spans.gold(nlp, spans.NESTED[:2])
    expected = [spans.found(doc) for doc in nlp.pipe(texts)]
    pipe = nlp.get_pipe("cloudner_spans")
    runner = pipe.model.shims[0].runner
    plain, sizes = type(runner)._laid_out, []

    def small(self, prepared, rows):
        if len(rows) > 1:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        sizes.append(len(rows))
        return plain(self, prepared, rows)

    before: dict[str, float] = {}
    pipe.update(examples, losses=before)
    pipe.model.shims[0].step.drop()
    monkeypatch.setattr(type(runner), "_laid_out", small)
    after: dict[str, float] = {}
    pipe.update(examples, losses=after)
    pipe.model.shims[0].step.drop()
    assert after["cloudner_spans"] == pytest.approx(before["cloudner_spans"], rel=1e-4)
    assert [spans.found(doc) for doc in nlp.pipe(texts)] == expected
    assert len(sizes) == 2 * len(texts)


def test_a_training_that_goes_on_from_a_checkpoint_ends_the_same(bert):
    def steps(nlp, optimizer, n):
        for _ in range(n):
            nlp.update(spans.gold(nlp), sgd=optimizer)

    one, optimizer = spans.make_nlp(bert), tiny.adamw(1e-3)
    steps(one, optimizer, 2)
    tensors, facts = state.collect(one, optimizer, "cpu")
    steps(one, optimizer, 2)
    other, again = spans.make_nlp(bert), tiny.adamw(1e-3)
    state.restore(other, again, "cpu", tensors, facts, 2)
    steps(other, again, 2)
    difference = tiny.largest_difference(
        tiny.weights(one, "cloudner_spans"), tiny.weights(other, "cloudner_spans")
    )
    assert difference == 0


def test_a_pipeline_takes_the_component_from_another(nlp):
    taken = spacy.blank("en")
    taken.add_pipe("cloudner_spans", source=nlp)
    assert predicted(taken) == predicted(nlp)
