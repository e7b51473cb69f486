"""JSON that was left in files: damaged, endless or none, it is one line or passed over, wherever it is read."""

from __future__ import annotations

import json
import os

import pytest
import spacy
from spacy.tokens import DocBin

import cloudner
from cloudner.bulk.plan import open_plan
from cloudner.bulk.store import Store
from cloudner.errors import InputError
from cloudner.folds.out_of_fold import _kept
from cloudner.json_files import object_of
from cloudner.report.evaluation.inputs import training_record
from cloudner.reviewing.decided import keep_decisions
from cloudner.studies.learning_curve import _done
from cloudner.studies.texts import texts_of
from cloudner.training.checkpoints import Checkpoints, open_checkpoint
from cloudner.training.corpora import docs_of
from cloudner.training.interrupted import _score

DAMAGED = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "cut": b'{"a":',
    "nested": b'{"a":' * 100_000,
    "latin-1": b'{"a": "\xe9"}',
    "other kinds": b'{"format": 1, "step": 5, "options": [], "files": null, "pieces": null, "asked": null}',
}
damaged = pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@damaged
def test_a_damaged_checkpoint_is_passed_over_or_one_line(tmp_path, content):
    state = put(tmp_path / "step-00000005" / "state.json", content)
    assert Checkpoints(tmp_path).newest() is None
    with pytest.raises(InputError, match="no whole checkpoint") as error:
        open_checkpoint(str(state.parent))
    assert "\n" not in str(error.value)


@damaged
def test_a_damaged_plan_of_annotate_is_one_line(tmp_path, content):
    put(tmp_path / "_plan.json", content)
    with pytest.raises(InputError, match="the plan is damaged"):
        open_plan(Store(str(tmp_path)))


@pytest.mark.parametrize("content", [c for n, c in DAMAGED.items() if n != "other kinds"])
def test_what_a_training_recorded_is_passed_over_with_a_warning(tmp_path, content, caplog):
    put(tmp_path / "run.json", content)
    put(tmp_path / "log.jsonl", b'{"step": 1}\n' + content)
    log, run = training_record(tmp_path / "model-best")
    assert ({"step": 1} in log, run) == (True, {})
    assert "run.json is passed over" in caplog.text


@damaged
def test_what_is_kept_of_studies_is_made_again(tmp_path, content):
    for name in ("point.json", "asked.json", "meta.json"):
        put(tmp_path / name, content)
    assert _done(tmp_path / "point.json", {"of": "this"}) is None
    assert _kept(tmp_path) != {"of": "this"}
    assert not _score(tmp_path)


def test_decisions_that_are_no_utf_8_are_one_line_and_a_byte_order_mark_is_none(tmp_path):
    with pytest.raises(InputError, match=r"rows.jsonl: cannot be read"):
        keep_decisions([], [put(tmp_path / "rows.jsonl", b'{"id": "\xe9"}')], {})
    row = {"id": "1", "start": 0, "end": 3, "label": "PER", "decision": "accept"}
    file = put(tmp_path / "rows.jsonl", b"\xef\xbb\xbf" + json.dumps(row).encode())
    assert keep_decisions([], [file], {})[1] == [row]


def test_a_pipe_a_device_and_a_folder_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(OSError, match=r"regular file|directory"):
            object_of(type(tmp_path)(place))


def test_a_text_nested_too_deeply_is_one_line(tmp_path):
    file = put(tmp_path / "a.jsonl", b'{"text": "Ada"}\n' + b"[" * 100_000)
    with pytest.raises(InputError, match=r"a.jsonl:2: no JSON"):
        list(texts_of(file))


def in_docbin(**values):
    """A `.spacy` file with these parts in place of its own."""
    import zlib

    import srsly

    nlp = spacy.blank("xx")
    message = srsly.msgpack_loads(zlib.decompress(DocBin(docs=[nlp("Ada slept")]).to_bytes()))
    return zlib.compress(srsly.msgpack_dumps({**message, **values}))


@pytest.mark.parametrize(
    "values", [{"flags": None}, {"strings": [1, 2]}, {"span_groups": None}, {"attrs": [999_999]}, {"tokens": b"123"}]
)  # fmt: skip
def test_a_spacy_file_whose_parts_do_not_fit_is_one_line(tmp_path, values):
    file = put(tmp_path / "a.spacy", in_docbin(**values))
    with pytest.raises(InputError, match=r"a.spacy: not a complete .spacy file"):
        cloudner.inspect_corpus(file)


def test_a_spacy_file_that_is_cut_is_one_line_for_studies_too(tmp_path):
    with pytest.raises(InputError, match=r"a.spacy: not a complete .spacy file"):
        docs_of(put(tmp_path / "a.spacy", in_docbin()[:40]))
