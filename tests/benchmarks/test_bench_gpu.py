"""What the run for a GPU machine is made of, without training: shares, results, clocks, verdicts, metadata."""

import json
import os
import sys
import time
from importlib.metadata import PathDistribution, distribution

import pytest
from benchmarks.gpu import checks, clocks, job, launches, plan, process, record
from benchmarks.steady import steady

from benchmarks import carry_encoder, metadata


def test_parts_share_the_time():
    now = time.monotonic()
    parts = list(plan.SHARES)
    assert plan.in_order("profile,tests,job") == ["tests", "job", "profile"]
    with pytest.raises(SystemExit, match="nccl"):
        plan.in_order("tests,nccl")
    ends = plan.deadlines(parts, 10)
    assert ends[parts[-1]] == pytest.approx(now + 600, abs=1)
    assert sorted(ends, key=ends.get) == parts
    assert plan.deadlines(["whole"], 10)["whole"] == pytest.approx(now + 600, abs=1)
    assert plan.deadlines(["whole"], 0)["whole"] == float("inf")
    assert plan.SHARES.keys() == plan.WHAT.keys()


def test_results_keep_the_parts_of_other_calls(tmp_path):
    first, second = record.Record(tmp_path / "a" / "gpu.json"), record.Record(tmp_path / "b" / "gpu.json")
    first.head, first.hidden = {"command": "one"}, [str(tmp_path)]
    first.put("job", {"tail": [f"see {tmp_path}/job/log"]})
    second.put("whole", {"seconds": 3})
    first.merge(second.path)
    found = json.loads(first.path.read_text())["parts"]
    assert found == {"job": {"command": "one", "tail": ["see job/log"]}, "whole": {"seconds": 3}}
    assert record.Record(first.path).parts == found
    with pytest.raises(SystemExit, match="expected a results file"):
        first.merge(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("body", "state", "tail"),
    [
        ("put({'a': 1})", "done", None),
        ("put({'a': 1}); raise RuntimeError('it broke')", "failed", "RuntimeError: it broke"),
        ("put({'a': 1}); os.kill(os.getpid(), 9)", "failed", None),
        ("put({'a': 1}); time.sleep(60)", "out of time", "Fatal Python error: Aborted"),
    ],
)
def test_a_part_that_fails_or_hangs_keeps_what_it_found(tmp_path, monkeypatch, body, state, tail):
    (tmp_path / "benchmarks_stub.py").write_text(
        f"import os, time\ndef run(settings, put):\n    {body}\n", encoding="utf-8"
    )
    starter = tmp_path / "sitecustomize.py"
    starter.write_text(
        "import importlib.util, sys\n"
        "sys.modules.pop('sitecustomize', None)\n"
        f"spec = importlib.util.spec_from_file_location('benchmarks.gpu.whole', {str(tmp_path / 'benchmarks_stub.py')!r})\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "sys.modules['benchmarks.gpu.whole'] = module\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    told = []
    settings = plan.Settings("cpu", True, str(tmp_path / "work"), str(tmp_path))
    part = process.Part("whole", settings).go(settings)
    patience = 4 if state == "out of time" else 60
    made = part.wait(time.monotonic() + patience, told.append)
    assert made["state"] == state
    assert made["a"] == 1
    if tail:
        assert any(tail in line for line in made["error_tail"]), made


def test_a_pytest_report_is_counted(tmp_path):
    (tmp_path / "junit.xml").write_text(
        "<testsuites><testsuite><testcase classname='a' name='b'/><testcase classname='a' name='c'>"
        "<failure message='m'>one\ntwo</failure></testcase><testcase classname='a' name='d'>"
        "<skipped message='no GPU'/></testcase></testsuite></testsuites>"
    )
    found = checks.summary(tmp_path / "junit.xml")
    assert (found["passed"], found["failed"], found["skipped"]) == (1, 1, 1)
    assert found["failures"] == [{"test": "a::c", "tail": ["one", "two"]}]
    assert found["reasons"] == {"a::d": "no GPU"}
    assert checks.summary(tmp_path / "none.xml") == {}


def test_f1_is_right_where_it_is_as_good_as_the_cpus():
    rows = [{"precision": "bf16", "test_f1": f1} for f1 in (0.78, 0.79)]
    rows.append({"precision": "fp16", "test_f1": 0.7})
    assert job.verdict(rows, {})["right"] == {"bf16": True, "fp16": False}
    assert job.verdict(rows, {"fp32": 0.81})["right"] == {"bf16": False, "fp16": False}
    assert job.verdict(rows, {"fp32": 0.80})["right"] == {"bf16": True, "fp16": False}


def test_clocks_count_the_outermost_call_only(tmp_path):
    class Work:
        def outer(self):
            self.inner()

        def inner(self):
            time.sleep(0.02)

    made = clocks.Clocks(tmp_path / "clocks.json")
    made.wrap(Work, "outer", "evaluation", after=True)
    made.wrap(Work, "inner", "steps")
    Work().outer()
    began = time.perf_counter()
    Work().inner()
    Work().inner()
    took = time.perf_counter() - began  # sleeping takes longer on a busy machine
    made.write()
    found = json.loads((tmp_path / "clocks.json").read_text())
    assert found["calls"] == {"evaluation": 1, "steps": 2}
    assert 0.039 <= found["seconds"]["steps"] <= took + 0.001
    assert 19 <= found["step_ms"]["median"] <= 1000 * (took + 0.021)


def test_steps_that_warm_up_do_not_count():
    ends = [10.0, 10.5, 11.0, 11.5, 12.0]
    made = steady(0.0, ends, [100, 10, 10, 10, 10])
    assert made["words_per_second"] == 20.0
    assert made["step_ms"] == 500.0
    assert made["warm_up_seconds"] == 10.0
    assert steady(0.0, ends[:3], [1, 1, 1]) == {}


def test_busy_time_counts_overlapping_kernels_once():
    assert launches._union([(0.0, 4.0), (1.0, 2.0), (3.0, 5.0), (7.0, 8.0)]) == 6.0
    table = launches._table([("gemm", 0.0, 6.0), ("add", 6.0, 2.0)], 2)
    assert "75.0%" in table.splitlines()[1]


def test_metadata_says_what_an_installation_says(tmp_path):
    pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    from packaging.requirements import Requirement

    written, installed = PathDistribution(metadata.write(tmp_path)), distribution("cloudner")
    assert (written.name, written.version) == (installed.name, installed.version)
    assert {(e.group, e.name, e.value) for e in written.entry_points} == {
        (e.group, e.name, e.value) for e in installed.entry_points
    }
    needs = [Requirement(text) for text in written.requires]
    plain = {need.name for need in needs if need.marker is None}
    assert {"spacy", "torch"} <= plain
    assert "cupy-cuda13x" not in plain
    seqeval = [need for need in needs if need.name == "seqeval"]
    assert any(need.marker.evaluate({"extra": "test"}) for need in seqeval)
    assert not any(need.marker.evaluate({"extra": "zstd"}) for need in seqeval)


def test_the_carried_encoder_is_the_same_in_half_the_bytes(bert, tmp_path):
    import torch
    from safetensors.torch import load_file

    from cloudner.model.network.encoder import load_pretrained

    size = carry_encoder.carry(bert, tmp_path / "half")
    assert size < sum(path.stat().st_size for path in bert.iterdir())
    whole, half = load_file(bert / "model.safetensors"), load_file(tmp_path / "half" / "model.safetensors")
    assert all(half[name].dtype == torch.float16 for name in whole if whole[name].is_floating_point())
    model, tokenizer = load_pretrained(str(tmp_path / "half"))
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert tokenizer.json_text == load_pretrained(str(bert))[1].json_text
