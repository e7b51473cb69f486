"""What calibration on dev changes on test: the shift of O's score, by how much expectation weighs in it, and the error of
confidences without calibration, with a temperature, and with Platt scaling after it.

    python -m benchmarks.recipes --data WNUT17 --sentences 0,1000 --seeds 0,1 --keep-scores build/scores
    python -m benchmarks.calibration build/scores --json benchmarks/results/calibration.json

Each file that `--keep-scores` leaves is one training: the scores of dev and test, which need not be computed again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import say, shown_command
from benchmarks.gpu.record import write_atomically
from benchmarks.machine import versions
from cloudner.model.decoding.lattice import path_log_likelihood
from cloudner.model.decoding.o_shift import fit_o_shift, with_o_shifted
from cloudner.model.decoding.platt import fit_platt
from cloudner.model.decoding.spans import span_probabilities
from cloudner.model.decoding.viterbi import best_paths
from cloudner.pieces.scheme import TagScheme
from cloudner.report.evaluation.confidence import expected_calibration_error, fit_temperature

WEIGHTS = (0, 200, 400, 800, 1600)
ERRORS = ("none", "temperature", "platt")


class Split:
    """scores: (tokens, tags). offsets: (sentences + 1,). gold: (tokens,) tags."""

    def __init__(self, arrays: Any, name: str, scheme: TagScheme) -> None:
        self.scores, self.offsets, self.gold = (
            arrays[f"{name}_{part}"] for part in ("scores", "offsets", "gold")
        )
        self.scheme = scheme
        self.truth = set(map(tuple, scheme.decode(np.maximum(self.gold, 0), self.offsets).tolist()))

    def found(self, shift: float) -> tuple[np.ndarray, np.ndarray]:
        """(spans, 3) and which of them are right."""
        paths = best_paths(with_o_shifted(self.scores, shift), self.offsets, self.scheme)
        spans = self.scheme.decode(paths, self.offsets)
        return spans, np.array([tuple(span) in self.truth for span in spans.tolist()], dtype=bool)

    def f1(self, shift: float) -> float:
        spans, right = self.found(shift)
        return 200 * float(right.sum()) / max(1, len(spans) + len(self.truth))

    def probabilities(self, spans: np.ndarray, temperature: float) -> np.ndarray:
        return span_probabilities(self.scores / temperature, self.offsets, spans, self.scheme)

    def likelihood(self, temperature: float) -> float:
        return path_log_likelihood(self.scores / temperature, self.offsets, self.gold, self.scheme, None)


def measured(path: Path) -> dict[str, Any]:
    """One training's row."""
    with np.load(path) as arrays:
        scheme = TagScheme(tuple(arrays["labels"].tolist()))
        dev, test = (Split(arrays, name, scheme) for name in ("dev", "test"))
    temperature = fit_temperature(lambda t: -dev.likelihood(t))
    plain = test.f1(0.0)
    row: dict[str, Any] = {"training": path.stem, "test_f1": round(plain, 2), "temperature": round(temperature, 2)}  # fmt: skip
    shifts = {
        weight: fit_o_shift(dev.scores, dev.offsets, dev.gold, scheme, temperature=temperature, expected=weight).shift
        for weight in WEIGHTS
    }  # fmt: skip
    row["gain"] = {str(weight): round(test.f1(shift) - plain, 2) for weight, shift in shifts.items()}
    shift = shifts[400]
    (at_dev, right_dev), (at_test, right_test) = dev.found(shift), test.found(shift)
    scaling = fit_platt(dev.probabilities(at_dev, temperature), right_dev)
    calibrated = test.probabilities(at_test, temperature)
    confidences = (test.probabilities(at_test, 1.0), calibrated, scaling(calibrated))
    row["error_over_chance"] = {}
    for name, confidence in zip(ERRORS, confidences, strict=True):
        error = expected_calibration_error(confidence, right_test)
        row["error_over_chance"][name] = round(error.ece - error.ece_by_chance, 4)
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means and worst cases over trainings."""
    made: dict[str, Any] = {"trainings": len(rows), "gain": {}, "error_over_chance": {}}
    for weight in map(str, WEIGHTS):
        gains = [row["gain"][weight] for row in rows]
        made["gain"][weight] = {"mean": round(statistics.fmean(gains), 2), "worst": min(gains), "best": max(gains)}  # fmt: skip
    for name in ERRORS:
        errors = [row["error_over_chance"][name] for row in rows]
        made["error_over_chance"][name] = {"mean": round(statistics.fmean(errors), 4), "worst": max(errors)}
    return made


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="what `benchmarks.recipes --keep-scores` wrote")
    parser.add_argument("--json", type=Path, help="also write the rows and their summary")
    given = parser.parse_args(arguments)
    files = sorted(given.folder.glob("*.npz"))
    if not files:
        raise SystemExit(
            f"{given.folder}: no .npz files; expected what `benchmarks.recipes --keep-scores` wrote"
        )
    rows = []
    for path in files:
        rows.append(measured(path))
        say(str(rows[-1]))
    made = summary(rows)
    say(str(made))
    if given.json:
        head = {
            "command": shown_command(["benchmarks.calibration", *arguments]),
            "versions": versions(),
            "summary": made,
        }
        write_atomically(given.json, {**head, "rows": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
