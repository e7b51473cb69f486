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
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", "--smoke", "--work", str(tmp_path), "--minutes", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results"
    for name in ("train", "long", "predict"):
        record = json.loads((results / f"gpu-{name}.json").read_text())
        rows = {
            n: row for n, row in record["peers"].items() if "accelerate" not in row.get("not_measured", "")
        }
        assert "cloudner" in rows
        assert all(len(row["runs"]) == 1 for row in rows.values()), rows
    whole = json.loads((results / "gpu-whole.json").read_text())["whole_run"]
    assert whole["seconds_command"] > whole["seconds_training_evaluation_saving"] > 0
