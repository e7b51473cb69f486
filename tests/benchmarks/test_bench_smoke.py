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
