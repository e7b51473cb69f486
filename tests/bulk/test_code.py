"""`annotate --code`: a pipeline that names a function of a user's own file, in the processes that load it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy

from bulk import jobs
from cloudner.errors import InputError

CODE = """
from spacy.language import Language
from spacy.tokens import Span


@Language.component("tests_first_word")
def first_word(doc):
    doc.ents = [Span(doc, 0, 1, label="LABEL")]
    return doc
"""


@pytest.fixture
def named(tmp_path: Path) -> Path:
    """A pipeline whose only component is in no package and not registered here."""
    folder = tmp_path / "pipeline"
    spacy.blank("xx").to_disk(folder)
    config = folder / "config.cfg"
    text = config.read_text().replace("pipeline = []", 'pipeline = ["first"]')
    config.write_text(
        text.replace("[components]\n", '[components]\n\n[components.first]\nfactory = "tests_first_word"\n')
    )
    return folder


def write(path: Path, label: str) -> Path:
    path.write_text(CODE.replace("LABEL", label))
    return path


@pytest.mark.slow
def test_each_worker_imports_it_and_the_job_is_its_own(run: Any, named: Path, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(40))
    options: dict[str, Any] = {
        "to": "jsonl", "id_column": "key", "rows_per_piece": 10, "model": named, "workers": 2,
    }  # fmt: skip
    with pytest.raises(InputError, match="tests_first_word"):
        run(source, **options)
    assert not list((tmp_path / "out").glob("part-*"))

    code = write(tmp_path / "functions.py", "ONE")
    with pytest.raises(InputError, match="the file of --code is new"):
        run(source, **options, code=code)
    done = run(source, **options, code=code, restart=True)
    assert (done.rows, done.failed, done.entities, done.complete) == (40, 0, 40, True)
    rows = jobs.rows_of(tmp_path / "out")
    assert [jobs.spans(row) for row in rows] == [
        [(0, len(row["entities"][0]["text"]), "ONE")] for row in rows
    ]

    (tmp_path / "out/part-00002.jsonl").unlink()
    same = write(tmp_path / "elsewhere.py", "ONE")  # its contents are compared, not its name
    assert run(source, **options, code=same).before == 3
    (tmp_path / "out/part-00002.jsonl").unlink()
    with pytest.raises(InputError, match="the job in the target is another: the file of --code has other"):
        run(source, **options, code=write(code, "TWO"))
    with pytest.raises(InputError, match="the job in the target is another: the file of --code is missing"):
        run(source, **options)


@pytest.mark.slow
def test_the_command_as_a_single_process(named: Path, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(4))
    words = (source, tmp_path / "out.jsonl", "--model", named, "--gpu-id", -1, "--workers", 1)
    process = jobs.start(*words, "--code", write(tmp_path / "functions.py", "ONE"))
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out.splitlines()[0]) == (0, "4 documents, 4 entities in 1 piece"), errors


def test_code_that_cannot_be_imported_is_one_line(run: Any, named: Path, tmp_path: Path) -> None:
    source = jobs.write_jsonl(tmp_path / "in.jsonl", jobs.numbered(4))
    code = tmp_path / "functions.py"
    code.write_text("import no_such_module_of_mine\n")
    for workers in (1, 2):
        with pytest.raises(InputError, match=r"functions.py: ModuleNotFoundError: No module named 'no_such"):
            run(source, to="jsonl", rows_per_piece=2, model=named, code=code, workers=workers, restart=True)
