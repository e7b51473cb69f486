"""Finished runs as means over seeds, and as a table."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.runs import mean_sd

BASE = "cloudner_spans"
DEPTHS = ("1", "2", "3+")


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each system: mean and standard deviation over seeds of the F1 of test (dev where test was not scored), F1 by
    depth, words/s over those of `cloudner_spans` at the same seed, and the highest peak of memory."""
    base = {row["key"]["seed"]: row for row in rows if row["key"]["system"] == BASE}
    lines = []
    for system in dict.fromkeys(row["key"]["system"] for row in rows):
        own = [row for row in rows if row["key"]["system"] == system]
        split = "test" if all("test" in row["predict"] for row in own) else "dev"
        scored = [row["predict"][split] for row in own]
        line = {"system": system, "split": split, "seeds": len(own), "steps": own[0]["train"]["steps"]}
        for name in ("f1", "precision", "recall"):
            line[name], line[f"{name}_sd"] = (round(x, 5) for x in mean_sd([score[name] for score in scored]))
        for depth in DEPTHS:
            parts = [score["by_depth"][depth] for score in scored if depth in score["by_depth"]]
            for name in ("f1", "recall"):
                line[f"{name}_depth_{depth}"] = (
                    round(statistics.fmean(p[name] for p in parts), 5) if parts else None
                )
        line["thresholds"] = [row["train"]["threshold"] for row in own if "threshold" in row["train"]]
        for kind in ("train", "predict"):
            pairs = [(row[kind], base[row["key"]["seed"]][kind]) for row in own if row["key"]["seed"] in base]
            ratios = [rate(a) / rate(b) for a, b in pairs]
            line[f"{kind}_speed"] = round(statistics.median(ratios), 3) if ratios else None
            line[f"{kind}_memory"] = max(row[kind]["memory"] for row in own)
        lines.append(line)
    return lines


def rate(measured: dict[str, Any]) -> float:
    """Words per CPU second."""
    return float(measured["words"] / measured["cpu_seconds"])


def table(lines: list[dict[str, Any]]) -> str:
    head = ["system", "split", "seeds", "F1", "precision", "recall", *(f"F1 at depth {n}" for n in DEPTHS)]
    head += ["words/s of training", "of prediction", "peak memory of training", "of prediction"]
    made = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for line in lines:
        cells = [
            line["system"],
            line["split"],
            str(line["seeds"]),
            f"{100 * line['f1']:.1f} ± {100 * line['f1_sd']:.1f}",
        ]
        cells += [f"{100 * line[name]:.1f}" for name in ("precision", "recall")]
        cells += [
            "-" if line[f"f1_depth_{n}"] is None else f"{100 * line[f'f1_depth_{n}']:.1f}" for n in DEPTHS
        ]
        cells += [
            "-" if line[f"{k}_speed"] is None else f"{line[f'{k}_speed']:.2f}" for k in ("train", "predict")
        ]
        cells += [f"{line[f'{k}_memory'] / 1e6:,.0f} MB" for k in ("train", "predict")]
        made.append("| " + " | ".join(cells) + " |")
    return "\n".join(made)
