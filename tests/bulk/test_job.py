"""`annotate` in this process: what comes out, what a rerun does, what is refused."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import DocBin

from bulk import jobs
from cloudner.errors import ConfigError, InputError


@pytest.mark.parametrize("to", ["parquet", "jsonl"])
def test_the_same_as_nlp_pipe(to: str, run: Any, trained_folder: Path, tmp_path: Path) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    rows = jobs.numbered(50)
    source = jobs.write_jsonl(tmp_path / "in.jsonl", rows)
    done = run(source, to=to, id_column="key", columns=["n", "text"], rows_per_piece=20)
    assert (done.rows, done.failed, done.pieces, done.before, done.complete) == (50, 0, 3, 0, True)
    found = jobs.rows_of(tmp_path / "out")
    assert [(row["id"], row["n"], row["text"]) for row in found] == [
        (r["key"], r["n"], r["text"]) for r in rows
    ]
    nlp = spacy.load(trained_folder)
    for row, doc in zip(found, nlp.pipe(each["text"] for each in rows), strict=True):
        assert jobs.spans(row) == [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        assert [each["text"] for each in row["entities"]] == [e.text for e in doc.ents]
        for each, ent in zip(row["entities"], doc.ents, strict=True):
            assert each["confidence"] == pytest.approx(ent._.confidence, abs=1e-4)
    assert jobs.spans(found[0]) == jobs.KNOWN[0]
    assert sum(len(row["entities"]) for row in found) == done.entities


def test_into_spacy(run: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", [*jobs.numbered(4), {"key": "bad", "text": None}])
    done = run(source, tmp_path / "out.spacy", id_column="key", columns=["n"])
    assert (done.rows, done.failed) == (5, 1)
    nlp = spacy.blank("en")
    docs = list(DocBin().from_disk(tmp_path / "out.spacy" / "part-00000.spacy").get_docs(nlp.vocab))
    assert [doc.user_data["meta"] for doc in docs] == [{"id": f"k{i}", "n": i} for i in range(4)]
    assert [(e.start_char, e.end_char, e.label_) for e in docs[0].ents] == jobs.KNOWN[0]
    assert 0 < docs[0].ents[0]._.confidence <= 1
    # and read again as a source, with its tokens
    again = run(tmp_path / "out.spacy", tmp_path / "again", to="jsonl", id_column="id", columns=["n"])
    assert again.entities == done.entities
    assert [row["n"] for row in jobs.rows_of(tmp_path / "again")] == [0, 1, 2, 3]


def test_failed_documents_are_set_aside(run: Any, tmp_path: Path) -> None:
    rows = [
        *jobs.numbered(2),
        {"key": "null", "text": None},
        {"key": "long", "text": "x " * 600_000},
        *jobs.numbered(2, 2),
    ]
    source = jobs.write_jsonl(tmp_path / "in.jsonl", rows)
    done = run(source, to="jsonl", id_column="key")
    assert (done.rows, done.failed) == (6, 2)
    found = {row["id"]: row for row in jobs.rows_of(tmp_path / "out")}
    assert found["null"]["entities"] is None
    assert found["null"]["error"] == "'text' is null"
    assert "1000000" in found["long"]["error"]  # spaCy's limit
    assert [jobs.spans(found[f"k{i}"]) for i in range(4)] == jobs.KNOWN
    aside = [
        json.loads(line) for line in (tmp_path / "out/_failed/part-00000.jsonl").read_text().splitlines()
    ]
    assert [row["id"] for row in aside] == ["null", "long"]


def test_a_pipeline_that_fails_on_everything_is_one_error(
    run: Any, trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spacy.language import Language

    if not Language.has_factory("always_fails"):
        Language.component("always_fails", func=_fails)
    trained.add_pipe("always_fails")
    trained.to_disk(tmp_path / "pipeline")
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(30))
    with pytest.raises(InputError, match="every one of 30 documents failed: always_fails: a broken card"):
        run(source, to="jsonl", model=tmp_path / "pipeline")
    assert not list((tmp_path / "out").glob("part-*"))
    assert not (tmp_path / "out/_SUCCESS").exists()

    # what to type, and that it does what it says, in processes that find the component by its entry point
    with pytest.raises(InputError, match="--keep-going each becomes a row with its error"):
        run(source, to="jsonl", model=tmp_path / "pipeline")
    write_files(
        tmp_path / "site",
        {
            "broken_card.py": "from spacy.language import Language\n\n\n@Language.component('always_fails')\n"
            "def always_fails(doc):\n    raise RuntimeError('a broken card')\n",
            "broken_card-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: broken-card\nVersion: 1\n",
            "broken_card-1.dist-info/entry_points.txt": "[spacy_factories]\nalways_fails = broken_card:always_fails\n",
        },
    )
    monkeypatch.syspath_prepend(tmp_path / "site")
    for workers in (1, 2):
        done = run(
            source, to="jsonl", model=tmp_path / "pipeline", keep_going=True, workers=workers, rows_per_piece=20, restart=True,
        )  # fmt: skip
        assert (done.rows, done.failed, done.pieces, done.complete) == (30, 30, 2, True)


def write_files(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _fails(doc: Any) -> Any:
    raise RuntimeError("a broken card")


def test_a_tokenizer_that_fails_on_everything_is_one_error(
    run: Any, trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small batches, as long documents make them: no single one says that nothing works."""
    from cloudner.bulk.inputs import reading

    monkeypatch.setattr(reading, "BATCH_DOCS", 10)
    trained.config["nlp"]["tokenizer"] = {"@tokenizers": "refusing.v1"}
    trained.tokenizer = _refusing()(trained)
    trained.to_disk(tmp_path / "pipeline")
    texts = [{"text": f"text number {i}"} for i in range(60)]
    source = jobs.write_jsonl(tmp_path / "in.jsonl", texts)
    with pytest.raises(
        InputError, match="every one of the first 50 documents failed: tokenizer: no such word"
    ):
        run(source, to="jsonl", model=tmp_path / "pipeline")
    assert not list((tmp_path / "out").glob("part-*"))
    # one that succeeds: the others cost themselves
    source = jobs.write_jsonl(tmp_path / "in.jsonl", [{"text": "taken"}, *texts])
    done = run(source, to="jsonl", model=tmp_path / "pipeline", restart=True)
    assert (done.rows, done.failed) == (61, 60)


class _Refusing:
    """A tokenizer that takes one text only."""

    def __init__(self, vocab: Any) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Any:
        if text != "taken":
            raise ValueError("no such word")
        return spacy.tokens.Doc(self.vocab, words=[text])

    def to_disk(self, path: Path, **kwargs: Any) -> None:
        pass

    def from_disk(self, path: Path, **kwargs: Any) -> None:
        pass


@spacy.registry.tokenizers("refusing.v1")
def _refusing() -> Any:
    return lambda nlp: _Refusing(nlp.vocab)


@pytest.mark.parametrize("to", ["parquet", "jsonl", "spacy"])
def test_a_second_run_does_what_is_missing(to: str, run: Any, tmp_path: Path) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(25))
    options = {"to": to, "id_column": "key", "rows_per_piece": 10}
    run(source, **options)
    out = tmp_path / "out"
    before = {path.name: path.read_bytes() for path in out.glob("part-*")}
    times = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert run(source, **options).before == 3
    # A piece that is gone, and one that was cut in copying.
    (out / f"part-00000.{to}").unlink()
    (out / f"part-00001.{to}").write_bytes(before[f"part-00001.{to}"][:-9])
    done = run(source, **options)
    assert (done.before, done.pieces, done.rows, done.complete) == (1, 3, 25, True)
    after = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*")}
    assert after.keys() == times.keys()
    assert [name for name in after if after[name] == times[name]] == [f"part-00002.{to}"]
    if to != "spacy":
        assert [row["id"] for row in jobs.rows_of(out)] == [f"k{i}" for i in range(25)]


def test_another_job_is_refused_and_restarted(run: Any, trained: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in/a.jsonl", jobs.numbered(8))
    options = {"to": "jsonl", "id_column": "key", "rows_per_piece": 4}
    run(source.parent, **options)
    with pytest.raises(InputError, match=r"--rows-per-piece was 4 and is 3.*--restart"):
        run(source.parent, **{**options, "rows_per_piece": 3})
    trained.get_pipe("cloudner").cfg["threshold"] = 0.5
    trained.to_disk(tmp_path / "other")
    with pytest.raises(InputError, match="the pipeline is another"):
        run(source.parent, **options, model=tmp_path / "other")
    jobs.write_jsonl(tmp_path / "in/b.jsonl", jobs.numbered(1))
    with pytest.raises(InputError, match=r"b\.jsonl is new"):
        run(source.parent, **options)
    (tmp_path / "in/b.jsonl").unlink()
    jobs.write_jsonl(source, jobs.numbered(3))
    with pytest.raises(InputError, match=r"a\.jsonl has changed"):
        run(source.parent, **options)
    assert len(jobs.rows_of(tmp_path / "out")) == 8  # nothing was touched
    done = run(source.parent, **options, restart=True)
    assert (done.rows, done.pieces, done.before) == (3, 1, 0)
    assert sorted(path.name for path in (tmp_path / "out").glob("part-*")) == ["part-00000.jsonl"]


def test_a_copy_of_the_pipeline_is_the_same_pipeline(run: Any, trained_folder: Path, tmp_path: Path) -> None:
    import shutil

    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(4))
    run(source, to="jsonl")
    assert run(source, to="jsonl", model=shutil.copytree(trained_folder, tmp_path / "copy")).before == 1


def test_a_target_with_other_files_is_left_alone(run: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in/part-00000.jsonl", jobs.numbered(4))
    for restart in (False, True):
        with pytest.raises(InputError, match=r"it holds 'part-00000.jsonl' and no _plan\.json"):
            run(source, source.parent, to="jsonl", restart=restart)
    with pytest.raises(InputError, match="the target is a file"):
        run(source, source, to="jsonl")
    assert source.exists()


def test_a_target_inside_the_source(run: Any, tmp_path: Path) -> None:
    jobs.write_jsonl(tmp_path / "in/a.jsonl", jobs.numbered(4))
    for before in (0, 1):
        done = run(tmp_path / "in", tmp_path / "in/out", to="jsonl")
        assert (done.rows, done.before) == (4, before)


def test_shards_make_one_target(run: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(10))
    options = {"to": "jsonl", "id_column": "key", "rows_per_piece": 2}
    first = run(source, **options, shard=(0, 2))
    assert (first.pieces, first.complete) == (3, False)
    assert not (tmp_path / "out/_SUCCESS").exists()
    second = run(source, **options, shard=(1, 2))
    assert (second.pieces, second.rows, second.complete) == (2, 4, True)
    assert [row["id"] for row in jobs.rows_of(tmp_path / "out")] == [f"k{i}" for i in range(10)]
    assert json.loads((tmp_path / "out/_SUCCESS").read_text())["rows"] == 10
    with pytest.raises(ConfigError, match="a shard that restarts"):
        run(source, **options, shard=(1, 2), restart=True)


def test_a_store_without_rename(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    import fsspec
    import pyarrow.parquet as pq

    memory = fsspec.filesystem("memory")
    local = jobs.write_parquet(
        tmp_path / "a.parquet", {"text": jobs.TEXTS * 5, "key": [f"k{i}" for i in range(20)]}
    )
    memory.pipe_file("/bulk/in/a.parquet", local.read_bytes())
    options = {"id_column": "key", "rows_per_piece": 8}
    done = run("memory://bulk/in", "memory://bulk/out", **options)
    assert (done.rows, done.pieces, done.complete) == (20, 3, True)
    ids = []
    for name in sorted(memory.glob("/bulk/out/part-*")):
        with memory.open(name) as file:
            ids += pq.read_table(file)["id"].to_pylist()
    assert ids == [f"k{i}" for i in range(20)]
    memory.rm_file("/bulk/out/part-00001.parquet")
    assert run("memory://bulk/in/*.parquet", "memory://bulk/out", **options).before == 2
    with pytest.raises(ConfigError, match="in the memory of one process"):
        run("memory://bulk/in", "memory://bulk/other", **options, workers=2)
    memory.rm("/bulk", recursive=True)


def test_columns_keep_their_types(run: Any, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    import pyarrow.parquet as pq

    when = datetime(2024, 5, 6, 7, 8)
    columns = {
        "text": pa.array(jobs.TEXTS).dictionary_encode(),
        "when": pa.array([when, None, when, when], pa.timestamp("ns", "UTC")),
        "nested": [[{"a": 1}], None, [], [{"a": None}]],
        "raw": [b"\xff", None, b"", b"x"],
    }
    source = jobs.write_parquet(tmp_path / "in.parquet", columns)
    run(source, columns=["when", "nested", "raw"])
    table = pq.read_table(tmp_path / "out/part-00000.parquet")
    for name in ("when", "nested", "raw"):
        assert table[name].combine_chunks() == pq.read_table(source)[name].combine_chunks()
    run(source, tmp_path / "lines", to="jsonl", columns=["when", "nested", "raw"])
    first = jobs.rows_of(tmp_path / "lines")[0]
    assert (first["nested"], first["raw"]) == ([{"a": 1}], "/w==")
    assert first["when"].startswith("2024-05-06")


def test_types_of_json_columns(run: Any, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    rows: list[dict[str, Any]] = [
        {"text": "a", "i": 1, "f": 2**60 + 1, "s": "x", "m": "x", "b": True, "huge": 2**70},
        {"text": "b", "i": None, "f": 1.5, "m": 3, "b": None, "none": None},
    ]
    source = jobs.write_jsonl(tmp_path / "in.jsonl", rows)
    run(source, columns=["i", "f", "s", "m", "b", "huge", "none"], rows_per_piece=1)
    found = [
        {k: v for k, v in row.items() if k not in ("id", "entities", "error")}
        for row in jobs.rows_of(tmp_path / "out")
    ]
    assert found == [
        {"i": 1, "f": 2.0**60, "s": "x", "m": "x", "b": True, "huge": str(2**70), "none": None},
        {"i": None, "f": 1.5, "s": None, "m": "3", "b": None, "huge": None, "none": None},
    ]


@pytest.mark.parametrize("to", ["parquet", "jsonl", "spacy"])
def test_sources_without_a_document(to: str, run: Any, tmp_path: Path) -> None:
    if to == "parquet":
        pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    (tmp_path / "in").mkdir()
    for name, raw in (("a.jsonl", b""), ("b.csv", b"text\n"), ("c.txt", b"\n\n")):
        (tmp_path / "in" / name).write_bytes(raw)
    done = run(tmp_path / "in", to=to)
    assert (done.rows, done.pieces, done.complete) == (0, 1, True)
    assert run(tmp_path / "in", to=to).before == 1
    if to != "spacy":
        assert jobs.rows_of(tmp_path / "out") == []
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "none", tmp_path / "o", to=to)


def test_a_damaged_plan(run: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(2))
    run(source, to="jsonl")
    (tmp_path / "out/_plan.json").write_text('{"format": 1')
    with pytest.raises(InputError, match=r"the plan is damaged.*--restart"):
        run(source, to="jsonl")
    assert run(source, to="jsonl", restart=True).rows == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "dask"}, "engine = 'dask'; expected local, ray, spark"),
        ({"to": "xml"}, "to = 'xml'"),
        ({"columns": ["id"]}, "'id', a column that the output has.*--id-column id"),
        ({"columns": ["n", "n"]}, "each column once"),
        ({"shard": (2, 2)}, "shard = 2/2"),
        ({"workers": 0}, "workers = 0"),
        ({"rows_per_piece": 0}, "rows_per_piece = 0"),
    ],
)
def test_options_that_cannot_work(options: dict[str, Any], said: str, run: Any, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(2))
    with pytest.raises(ConfigError, match=said):
        run(source, **{"to": "jsonl", **options})
    assert not (tmp_path / "out").exists()


def test_progress_tells_rate_and_time(tmp_path: Path) -> None:
    from cloudner.bulk.progress import Progress

    clock = iter([0.0, 10.0, 20.0, 50.0, 60.0, 60.0, 60.0])
    stream = io.StringIO()
    progress = Progress(1000, before=100, failed=1, stream=stream, now=lambda: next(clock))
    progress.loaded()
    progress.advance(100)
    progress.advance(300, 2)
    assert stream.getvalue() == "500 of 1,000 documents, 8/s, 1m 02s left, 3 failed\n"


def test_the_command(trained_folder: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from cloudner.cli import app

    source = jobs.write_jsonl(tmp_path / "in.jsonl", [*jobs.numbered(4), {"text": None}])
    words = [
        "annotate",
        str(source),
        str(tmp_path / "out.jsonl"),
        "--model",
        str(trained_folder),
        "--workers",
        "1",
    ]
    result = CliRunner().invoke(app, [*words, "--columns", "key,n", "--gpu-id", "-1"])
    assert result.exit_code == 0, result.output
    assert "5 documents, 8 entities in 1 piece\n" in result.output
    assert "1 documents have no annotation" in result.output
    assert jobs.rows_of(tmp_path / "out.jsonl")[2]["key"] == "k2"
    assert CliRunner().invoke(app, [*words, "--shard", "one"]).exit_code == 1
    bad = jobs.write_jsonl(tmp_path / "bad.jsonl", [{"text": None}])
    words[1:3] = [str(bad), str(tmp_path / "bad")]
    assert CliRunner().invoke(app, words).exit_code == 1
