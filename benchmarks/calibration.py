"""What calibration on dev changes on test: the shift of O's score, by how much expectation weighs in it, and the error of
confidences without calibration, with a temperature, and with Platt scaling after it. Beside it, after the same temperature and
not in cloudner: isotonic regression, Platt scaling for each label (with 30 entities or more), and with the entity's length.

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
ERRORS = ("none", "temperature", "platt", "isotonic", "platt by label", "platt with length")
LEAST = 30  # entities of a label found in dev, below which it has no scaling of its own


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
    known, calibrated = (
        split.probabilities(at, temperature) for split, at in ((dev, at_dev), (test, at_test))
    )
    confidences = (
        test.probabilities(at_test, 1.0),
        calibrated,
        fit_platt(known, right_dev)(calibrated),
        isotonic(known, right_dev, calibrated),
        by_label(at_dev, known, right_dev, at_test, calibrated),
        with_length(at_dev, known, right_dev, at_test, calibrated),
    )
    row["error_over_chance"] = {}
    for name, confidence in zip(ERRORS, confidences, strict=True):
        error = expected_calibration_error(confidence, right_test)
        row["error_over_chance"][name] = round(error.ece - error.ece_by_chance, 4)
    return row


def isotonic(known: np.ndarray, right: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Confidences of `asked` by the monotone steps that suit `known` best."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(known, right)
    return np.asarray(fitted.predict(asked))


def by_label(
    spans: np.ndarray, known: np.ndarray, right: np.ndarray, at: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """spans, at: (entities, 3), of which the last is the label."""
    made = fit_platt(known, right)(asked)
    for label in set(at[:, 2].tolist()):
        if (of := spans[:, 2] == label).sum() >= LEAST:
            mine = at[:, 2] == label
            made[mine] = fit_platt(known[of], right[of])(asked[mine])
    return made


def with_length(
    spans: np.ndarray, known: np.ndarray, right: np.ndarray, at: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    def features(of: np.ndarray, probability: np.ndarray) -> np.ndarray:
        p = np.clip(probability, 1e-6, 1 - 1e-6)
        return np.stack([np.log(p / (1 - p)), np.log(of[:, 1] - of[:, 0])], axis=1)

    if len(set(right.tolist())) < 2:
        return asked
    fitted = LogisticRegression().fit(features(spans, known), right)
    return np.asarray(fitted.predict_proba(features(at, asked))[:, 1])


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
