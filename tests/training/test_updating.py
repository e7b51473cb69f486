"""Going on from a trained pipeline: its weights, its labels, what the new documents leave out, and the old ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Config

import cloudner
import spans
import tiny
from cloudner.corpus.handed import as_sources
from cloudner.corpus.training.batcher import count_pieces
from cloudner.errors import CloudnerError
from cloudner.pieces.span_gold import gold_spans
from cloudner.training.corpora import Corpora
from cloudner.training.replay import add_old, fill_in, labels_in
from cloudner.training.shipped import shipped_configs
from cloudner.training.update import Update

# Years are marked, the names that the base knows are not.
NEW = [(f"Marie Curie lived in Paris in 19{i}.", [(30, 34, "DATE")]) for i in range(10, 34)]
QUICK = {
    "training.max_epochs": 0, "training.max_steps": 60, "training.eval_frequency": 30, "training.batcher.batch_size": 4,
    "training.optimizer.learn_rate.total_steps": 61, "components.cloudner.model.mixed_precision": "fp32",
    "training.optimizer.learn_rate.initial_rate": 6e-3,
}  # fmt: skip


def corpus(data, path: Path) -> Path:
    cloudner.convert(as_sources(data, path.with_name("given")), path)
    return path


def docs(path: Path):
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


def ents(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_a_component_begins_with_the_bases_weights(trained_folder, trained, bert):
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    new = tiny.make_examples(nlp, NEW)
    nlp.get_pipe("cloudner").initialize(lambda: new, nlp=nlp, base=str(trained_folder / "cloudner"))
    assert nlp.get_pipe("cloudner").labels == ("LOC", "ORG", "PER", "DATE")
    before, after = tiny.weights(trained), tiny.weights(nlp)
    same = [name for name in before if not name.startswith("head.")]
    assert len(same) > 10
    assert all(np.array_equal(before[name], after[name]) for name in same)
    texts = [text for text, _ in tiny.DATA]
    assert [ents(d) for d in nlp.pipe(texts)] == [ents(d) for d in trained.pipe(texts)]


def test_a_base_that_is_a_whole_pipeline_is_told(trained_folder, bert):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("cloudner", config=tiny.settings(bert))
    with pytest.raises(cloudner.CloudnerError, match=r"whole pipeline.*try: base = '.*/cloudner'$"):
        pipe.initialize(lambda: tiny.make_examples(nlp), nlp=nlp, base=str(trained_folder))


def test_batches_are_cut_by_the_bases_pieces(trained_folder, bert, encoder_folder):
    """From the first epoch on, or a resumed one would be cut otherwise than it was."""
    other = tiny.make_nlp(encoder_folder("roberta"))  # whose pieces are others
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(bert))
    new = tiny.make_examples(nlp, [("São Paulo président", [(0, 9, "LOC")]), *NEW])
    nlp.get_pipe("cloudner").initialize(lambda: new, nlp=nlp, base=str(trained_folder / "cloudner"))
    expected = nlp.get_pipe("cloudner").model.shims[0].runner.cache.count(new)
    assert count_pieces(new).tolist() == expected.tolist()
    assert other.get_pipe("cloudner").model.shims[0].runner.cache.count(new).tolist() != expected.tolist()


def test_labels_that_nobody_annotated_are_filled_in(trained_folder, tmp_path):
    path = corpus([*NEW, ("Marie Curie lived in Paris.", [(21, 26, "DATE")])], tmp_path / "new.spacy")
    rows = fill_in(path, trained_folder, ["PER", "LOC"], "cpu")
    filled = docs(path)
    assert {("Marie Curie", "PER"), ("Paris", "LOC")} <= {e for doc in filled for e in ents(doc)}
    assert ents(filled[-1]) == [("Marie Curie", "PER"), ("Paris", "DATE")]  # what is annotated stays
    assert rows[0][1] == f"{sum(len(d.ents) for d in filled) - 25} entities"
    assert labels_in(path) == ["DATE", "LOC", "PER"]
    assert fill_in(path, trained_folder, [], "cpu") == []


def test_old_documents_come_back(tmp_path):
    new = corpus(NEW[:4], tmp_path / "new.spacy")
    dev = corpus(tiny.DATA[:1], tmp_path / "dev.spacy")
    old = [*tiny.DATA, ("It was 1910 in Paris, and 1911.", [(15, 20, "LOC")])]
    rows = add_old(new, old, 1.0, never=[dev], seed=0, reading={"lang": "en"})
    found = docs(new)
    assert [doc.text for doc in found] == [t for t, _ in NEW[:4]] + [t for t, _ in old[1:]]
    assert rows[0][1] == "4 documents"
    last = found[-1]
    # A year may be a DATE, of which the old annotators knew nothing: neither that nor O.
    assert [t.text for t in last if t.ent_iob_ == ""] == ["1910", "1911"]
    assert ents(last) == [("Paris", "LOC")]
    assert all(t.ent_iob_ for t in found[5])


def test_a_share_of_the_old_documents(tmp_path):
    old = [(f"Paris is near, {i} km.", [(0, 5, "LOC")]) for i in range(20)]
    drawn = []
    for seed in (0, 0, 1):
        new = corpus(NEW[:4], tmp_path / "new.spacy")
        add_old(new, old, 0.5, never=[], seed=seed, reading={"lang": "en"})
        drawn.append([doc.text for doc in docs(new)][4:])
    assert [len(each) for each in drawn] == [10, 10, 10]
    assert drawn[0] == drawn[1] != drawn[2]
    new = corpus(NEW[:4], tmp_path / "new.spacy")
    assert add_old(new, old, 0, never=[], seed=0, reading={"lang": "en"})[0][1] == "none"
    with pytest.raises(CloudnerError, match="replay = 2"):
        add_old(new, old, 2, never=[], seed=0, reading={"lang": "en"})


@pytest.mark.parametrize("kind", ["rows", "pairs", "csv", "docs", "spacy"])
def test_old_documents_are_read_as_the_new_ones(kind, tmp_path):
    """Labels were taken as they stand there, and became new labels of the pipeline."""
    reading = {
        "lang": "en", "labels": {"PLACE": "LOC"}, "text_column": "body", "entities_column": "marks", "format": "auto",
        "group_by": None,
    }  # fmt: skip
    pairs = [(f"Paris is near, {i} km.", [(0, 5, "PLACE")]) for i in range(4)]
    old = pairs
    if kind == "rows":
        old = [{"body": text, "marks": spans} for text, spans in pairs]
    elif kind == "csv":
        old = tmp_path / "old.csv"
        rows = (f'"{text}","{json.dumps(spans).replace(chr(34), 2 * chr(34))}"' for text, spans in pairs)
        old.write_text("\n".join(["body,marks", *rows]))
    elif kind != "pairs":  # which have no columns, and are in no format but their own
        reading |= {"format": "jsonl", "group_by": "batch"}
        old = corpus(pairs, tmp_path / "old.spacy")
        old = old if kind == "spacy" else docs(old)
    new = corpus(NEW[:4], tmp_path / "new.spacy")
    add_old(new, old, 1.0, never=[], seed=0, reading=reading)
    assert [ents(doc) for doc in docs(new)[4:]] == [[("Paris", "LOC")]] * 4


@pytest.fixture(scope="module")
def updated(trained_folder, tmp_path_factory):
    output = tmp_path_factory.mktemp("update") / "training"
    return cloudner.train(
        NEW,
        base=trained_folder,
        old=tiny.DATA * 2,
        replay=1.0,
        output=output,
        overrides=QUICK,
        device="cpu",
        show=False,
    )


def test_an_update_learns_the_new_and_keeps_the_old(updated):
    pipe = updated.nlp.get_pipe("cloudner")
    assert pipe.labels == ("LOC", "ORG", "PER", "DATE")
    assert ents(updated.nlp("Marie Curie lived in Paris in 1922."))[-1] == ("1922", "DATE")
    kept = cloudner.predict(updated.nlp, [text for text, _ in tiny.DATA], to="rows")
    gold = {(i, *span) for i, (_, spans) in enumerate(tiny.DATA) for span in spans}
    found = {(row["document"], row["start"], row["end"], row["label"]) for row in kept}
    assert len(gold & found) >= 7  # of 8
    dev = docs(updated.corpora["dev"])
    assert {"PER", "LOC", "DATE"} == {label for doc in dev for _, label in ents(doc)}


def test_an_update_says_what_it_decided(updated):
    rows = {name: (value, why) for name, value, why in updated.settings}
    assert rows["new labels"][0] == "DATE"
    assert "labels LOC, ORG, PER" in rows["base"][1]
    assert rows["replay"][0].endswith("documents")
    assert rows["predicted by the base"][0].endswith("entities")
    assert "learn_rate" in rows  # the base of this test was not trained by `cloudner train`


def test_the_rate_of_an_update_is_a_third_of_the_bases(updated, tmp_path):
    from cloudner.training.updating import open_base, updating_config

    config, rows = updating_config(shipped_configs()["cpu"], open_base(updated.path, tmp_path), [])
    rate = config["training"]["optimizer"]["learn_rate"]
    assert rate["initial_rate"] == pytest.approx(2e-3)
    assert (rate["total_steps"], rate["warmup"]) == ("auto", 0.2)
    assert [name for name, _, _ in rows] == ["base", "initial_rate", "warmup"]
    assert config["components"]["cloudner"]["model"]["batch_pieces"] == "auto"


def test_the_rate_does_not_fall_from_update_to_update(updated, tmp_path):
    from cloudner.training.updating import open_base, updating_config

    base, rates = updated.path, []
    assert Config().from_disk(base / "config.cfg")["updating"] == {"first_rate": None}
    for week in range(3):
        config, rows = updating_config(shipped_configs()["cpu"], open_base(base, tmp_path / "out"), [])
        rates.append(config["training"]["optimizer"]["learn_rate"]["initial_rate"])
        base = tmp_path / str(week) / "model-best"
        shutil.copytree(updated.path, base)
        config.to_disk(base / "config.cfg")
    assert rates == pytest.approx([2e-3] * 3)
    assert "a third of the 0.006 that the first base was trained with" in [why for _, _, why in rows]
    del config["updating"]  # as updates were saved before: theirs is a third already
    config.to_disk(base / "config.cfg")
    before, _ = updating_config(shipped_configs()["cpu"], open_base(base, tmp_path / "out"), [])
    assert before["training"]["optimizer"]["learn_rate"]["initial_rate"] == pytest.approx(2e-3)


def test_old_documents_are_found_by_their_bytes(updated, tmp_path, monkeypatch):
    from cloudner.training.updating import open_base

    train = updated.corpora["train"]
    assert open_base(updated.path, tmp_path).training_data()[0] == train
    moved = tmp_path / "project" / "training"
    shutil.copytree(updated.path.parent, moved)
    config = moved / "model-best" / "config.cfg"
    config.write_text(config.read_text().replace(str(train), "corpus/train.spacy"))
    base = open_base(moved / "model-best", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert base.training_data() == (None, "the base's training data (corpus/train.spacy) is not there; --old FILES, or old=..., says where it is")  # fmt: skip
    shutil.copytree(train.parent, tmp_path / "project" / "corpus")
    assert base.training_data()[0] == moved.parent / "corpus" / "train.spacy"
    (moved.parent / "corpus" / "train.spacy").write_bytes(b"new documents")
    assert "is another now" in base.training_data()[1]


def test_other_components_stay_as_they_are(updated, tmp_path):
    from cloudner.training.updating import open_base, updating_config

    nlp = cloudner.load(updated.path, device="cpu")
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "ORG", "pattern": "ACME"}])
    nlp.to_disk(tmp_path / "base")
    config, _ = updating_config(shipped_configs()["cpu"], open_base(tmp_path / "base", tmp_path / "out"), [])
    assert config["nlp"]["pipeline"] == ["entity_ruler", "cloudner"]
    assert config["components"]["entity_ruler"] == {"source": str(tmp_path / "base")}
    assert config["training"]["frozen_components"] == ["entity_ruler"]


def test_what_cannot_go_on_is_one_error(updated, tmp_path):
    blank = spacy.blank("en")
    blank.add_pipe("entity_ruler")
    blank.to_disk(tmp_path / "blank")
    both = spacy.blank("en")
    both.add_pipe("cloudner")
    both.add_pipe("cloudner_spans")
    (tmp_path / "both").mkdir()
    both.config.to_disk(tmp_path / "both" / "config.cfg")
    (tmp_path / "both" / "meta.json").write_text(json.dumps(both.meta))
    for options, said in (
        ({"base": tmp_path / "both"}, "components of one kind"),
        ({"base": tmp_path / "blank"}, "no cloudner component"),
        ({"base": tmp_path / "nothing"}, "no folder and no installed"),
        ({"base": updated.path, "output": updated.path.parent}, "writes over"),
        ({"base": updated.path, "encoder": "bert-base-cased"}, "one of the two"),
        ({"base": updated.path, "lang": "de"}, "lang = 'de' with a base of 'xx'"),
        ({"old": NEW}, "old documents without a base"),
    ):
        with pytest.raises(CloudnerError, match=said):
            cloudner.train(NEW, **{"output": tmp_path / "out", "device": "cpu", "show": False, **options})


# -- spans that nest ----------------------------------------------------------------------------------------------

# Years are marked, alone and in a date around them; the names that the base knows are not.
NESTED_NEW = [
    {
        "text": f"Marie Curie met Apple in Paris in May {year}",
        "entities": [[34, 42, "DATE"], [38, 42, "YEAR"]],
    }
    for year in range(1910, 1934)
]


@pytest.fixture(scope="module")
def nested_base(bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nested") / "base"
    spans.overfit(spans.make_nlp(bert)).to_disk(folder)
    return folder


def groups(doc):
    return {(span.text, span.label_) for span in doc.spans["sc"]}


def test_what_nests_is_filled_in_and_comes_back(nested_base, tmp_path):
    path = tmp_path / "new.spacy"
    cloudner.convert(as_sources(NESTED_NEW, tmp_path / "given"), path, spans="sc")
    assert labels_in(path, "sc") == ["DATE", "YEAR"]
    fill_in(path, nested_base, ["ORG", "PER"], "cpu", "sc")
    assert {("Marie Curie", "PER"), ("May 1910", "DATE"), ("1910", "YEAR")} <= groups(docs(path)[0])
    old = [
        {"text": "Bordeaux city centre", "entities": [[0, 13, "LOC"], [9, 20, "LOC"]]},
        {"text": "In 1910 Warsaw Library opened", "entities": [[8, 22, "ORG"], [8, 14, "LOC"]]},
    ]
    rows = add_old(path, old, 1.0, never=[], seed=0, reading={"lang": "en"}, key="sc")
    assert rows[0][1] == "2 documents"
    *_, crossing, dated = docs(path)
    assert groups(crossing) == {("Bordeaux city", "LOC"), ("city centre", "LOC")}
    # 1910 may be a year, of which the old annotators knew nothing.
    gold = gold_spans([Example(Doc(dated.vocab, words=[t.text for t in dated]), dated)], ["LOC", "ORG"], "sc")
    assert gold.unknown.tolist() == [False, True, False, False, False]
    assert gold.spans.tolist() == [[2, 2, 0], [2, 3, 1]]


def test_spans_go_on_from_a_base(nested_base, tmp_path):
    old = [
        {"text": text, "entities": [list(_characters(text, *span)) for span in found]}
        for text, found in spans.NESTED
    ]
    names = {key.replace("components.cloudner.", "components.cloudner_spans."): v for key, v in QUICK.items()}
    result = cloudner.train(
        NESTED_NEW, base=nested_base, old=old, replay=1.0, output=tmp_path / "training", overrides=names, device="cpu",
        show=False,
    )  # fmt: skip
    assert result.nlp.get_pipe("cloudner_spans").labels == ("LOC", "ORG", "PER", "DATE", "YEAR")
    found = groups(result.nlp("Marie Curie met Apple in Paris in May 1922"))
    assert {("May 1922", "DATE"), ("1922", "YEAR"), ("Marie Curie", "PER")} <= found
    # Of the base's scores, though the config asked for is that of a component which sets doc.ents.
    weights = result.nlp.config["training"]["score_weights"]
    assert {name: weight for name, weight in weights.items() if weight} == {"spans_sc_f": 1.0}
    assert result.scores["dev"]["f1"] == max(record["score"] for record in result.history) > 0.6
    kept = groups(result.nlp(spans.NESTED[0][0]))
    assert {("University of Warsaw Library", "ORG"), ("Warsaw", "LOC")} <= kept


def _characters(text, start, end, label):
    words = text.split()
    begin = len(" ".join(words[:start])) + (start > 0)
    return begin, begin + len(" ".join(words[start:end])), label


def test_the_base_says_how_its_data_is_read(updated, tmp_path):
    from cloudner.training.updating import open_base

    base = tmp_path / "base" / "model-best"
    shutil.copytree(updated.path, base)
    config = Config().from_disk(base / "config.cfg")
    config["corpora"]["train"]["labels"] = {"PLACE": "LOC"}
    config.to_disk(base / "config.cfg")
    assert open_base(base, tmp_path / "out").reading["labels"] == {"PLACE": "LOC"}
    update = Update(base, tmp_path / "out", shipped_configs()["cpu"], "cpu")
    old = tmp_path / "old.csv"
    old.write_text('text,entities\nParis is near.,"[[0, 5, ""PLACE""]]"\n')
    update.base.config["paths"]["train"] = str(old)
    corpora = Corpora({"train": corpus(NEW[:4], tmp_path / "new.spacy")})
    update.finish(corpora, None, 1.0, 0, {"lang": "en", "labels": {"LOC": "XXX"}})
    assert ents(docs(corpora.files["train"])[-1]) == [("Paris", "LOC")]


@pytest.mark.slow
def test_the_command_goes_on_from_a_base(updated, tmp_path):
    from training import runs

    lines = [
        {"body": text, "marks": [[a, b, "YEAR" if label == "DATE" else label] for a, b, label in spans]}
        for text, spans in NEW
    ]
    (tmp_path / "new.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    reading = {
        "@readers": "cloudner.Corpus.v1", "text_column": "body", "entities_column": "marks", "format": "jsonl",
        "labels": '{"YEAR": "DATE"}',
    }  # fmt: skip
    asked = {**QUICK, **{f"corpora.train.{name}": value for name, value in reading.items()}}
    words = [w for key, value in asked.items() for w in (f"--{key}", str(value))]
    said = runs.run(
        tmp_path,
        [
            runs.sys.executable, "-m", "spacy", "cloudner", "train", "cpu", "--base", str(updated.path), "--replay", "0.5",
            "--gpu-id", "-1", "--paths.train", "new.jsonl", "--paths.dev", "new.jsonl", *words,
        ],
    )  # fmt: skip
    assert "Best pipeline: training/model-best" in said
    assert (
        cloudner.load(tmp_path / "training/model-best", device="cpu").get_pipe("cloudner").labels[-1]
        == "DATE"
    )
