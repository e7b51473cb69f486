"""The suite from end to end on a tiny random encoder and twenty sentences."""

import json
import subprocess
import sys

import pytest
from benchmarks.data import ROOT


@pytest.mark.slow
def test_train_and_predict_write_their_tables(tmp_path):
    for kind, peers in (
        ("train", "cloudner,hf-grouped"),
        ("predict", "cloudner,cloudner-int8,hf-pipeline-16"),
    ):
        done = subprocess.run(
            [
                sys.executable, "-m", "benchmarks", kind, "--encoder", "random:tiny", "--max-sentences", "20",
                "--epochs", "1", "--runs", "2", "--threads", "1", "--device", "cpu", "--peers", peers,
                "--work", str(tmp_path / "work"), "--json", str(tmp_path / f"{kind}.json"),
                "--markdown", str(tmp_path / f"{kind}.md"),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        record = json.loads((tmp_path / f"{kind}.json").read_text())
        assert set(record["peers"]) == set(peers.split(","))
        for name, row in record["peers"].items():
            if "accelerate" in row.get("not_measured", ""):
                continue
            assert len(row["runs"]) == 2, (name, row)
            speed = row["words_per_second"]
            assert 0 < speed["min"] <= speed["median"] <= speed["max"]
            assert row["peak_memory"]["rss"] > 50e6
            assert 0 <= row["f1"]["median"] <= 1
        assert str(tmp_path) not in record["command"]
        assert "| cloudner |" in (tmp_path / f"{kind}.md").read_text()


@pytest.mark.slow
def test_the_script_for_a_gpu_runs_on_a_cpu(tmp_path):
    """All parts but the job, whose encoder may not be here."""
    parts = ["tests", "whole", "train", "predict", "memory", "long", "profile"]
    command = [sys.executable, "-m", "benchmarks.gpu", "--smoke", "--work", str(tmp_path), "--minutes", "0"]
    done = subprocess.run(
        [*command, "--only", ",".join(parts)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "results" / "gpu.json").read_text(encoding="utf-8")
    found = json.loads(text)["parts"]
    assert [found[part]["state"] for part in parts] == ["done"] * len(parts), found
    assert str(tmp_path) not in text
    assert found["tests"]["failed"] == 0
    whole = found["whole"]
    assert whole["parts"]["steps"] == pytest.approx(whole["steps_alone"], abs=0.01)
    assert sum(whole["parts"].values()) == pytest.approx(whole["seconds_command"], abs=0.1)
    assert found["train"]["rows"]["cloudner, fast = off"]["steady"]["words_per_second"] > 0
    rows = found["predict"]["rows"]
    assert rows["hf-pipeline-16"]["words"] == rows["cloudner, fast = off"]["words"]
    assert all(row["not_measured"] == "needs a CUDA device" for row in found["memory"]["rows"])
    assert found["long"]["rows"][0]["share_of_product"] > 0
    assert found["profile"]["steps"]["off"]["step_ms"] > 0
    assert "Ordered by: cumulative time" in (tmp_path / "results" / "gpu-profile.txt").read_text()
