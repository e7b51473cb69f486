"""What the runs of several peers come to: medians, ratios, and the Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.data import SPLITS


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median, min and max of words/s, the highest memory, and F1 of the runs of one peer."""
    speed = [run["words_per_second"] for run in runs]
    f1 = [run["test"]["f1"] for run in runs]
    made = {
        "words_per_second": {"median": statistics.median(speed), "min": min(speed), "max": max(speed)},
        "peak_memory": {key: max(run["memory"][key] for run in runs) for key in runs[0]["memory"]},
        "f1": {"median": statistics.median(f1), "min": min(f1), "max": max(f1)},
        "f1_lenient": statistics.median(run["test"]["f1_lenient"] for run in runs),
    }
    if "precision" in runs[0]:
        made["precision"] = runs[0]["precision"]
    return made


def compare(record: dict[str, Any]) -> None:
    """Adds to every peer how many times as fast each cloudner row is (medians), and to cloudner what confidence costs."""
    rows = record["peers"]
    speeds = {
        name: row["words_per_second"]["median"] for name, row in rows.items() if "words_per_second" in row
    }
    for name, row in rows.items():
        if name in speeds:
            row["times_as_fast"] = {
                ours: round(speed / speeds[name], 2)
                for ours, speed in speeds.items()
                if ours.startswith("cloudner")
            }
    if {"cloudner", "cloudner-plain"} <= speeds.keys():
        record["confidence_costs_percent"] = round(
            100 * (1 - speeds["cloudner"] / speeds["cloudner-plain"]), 1
        )
    encoder, split = record["encoder"], record["data"]["train" if record["kind"] == "train" else "test"]
    for name, speed in speeds.items():
        pieces = speed * split["pieces"] / max(split["words"], 1)
        rows[name]["pieces_per_second"] = round(pieces)
        # 2 FLOP a weight and piece forward, 4 backward (Kaplan et al., 2020); attention's own products are left out
        factor = 6 if record["kind"] == "train" else 2
        rows[name]["model_tflops"] = round(factor * encoder["without_embeddings"] * pieces / 1e12, 3)


def markdown(record: dict[str, Any]) -> str:
    rows, cuda = record["peers"], record["settings"]["device"].startswith("cuda")
    ours = [name for name in rows if name.startswith("cloudner") and rows[name]["runs"]]
    machine_, data = record["machine"], record["data"]
    flags = ", ".join(machine_["cpu_flags"])
    encoder = record["encoder"]["name"] + (
        " (random weights: speed only)" if record["encoder"]["random"] else ""
    )
    lines = [
        f"# {'Fine-tuning' if record['kind'] == 'train' else 'Inference'}: {encoder}",
        "",
        f"`{record['command']}`",
        "",
        f"{machine_.get('gpu') or machine_['cpu']} ({machine_['cores']:g} cores; {flags}), "
        f"{record['settings']['threads']} threads a process. Data: {data['name']}, "
        + ", ".join(
            f"{split} {data[split]['sentences']} sentences, {data[split]['words']} words" for split in SPLITS
        )
        + f". Settings: {record['settings']['epochs']} epochs, {record['settings']['sentences_a_step']} sentences a "
        f"step, learning rate {record['settings']['learning_rate']:g}. Medians of {record['settings']['runs']} "
        "interleaved runs, each in its own process; loading is not timed, tokenising is.",
        "",
        "| peer | words/s | min to max | peak memory | F1 | F1, lenient | "
        + " | ".join(f"{name} is" for name in ours)
        + (" |" if ours else ""),
        "|---|---|---|---|---|---|" + "---|" * len(ours),
    ]
    for name, row in rows.items():
        if not row["runs"]:
            lines.append(f"| {name} | not measured: {row.get('not_measured', '')} |" + " |" * (4 + len(ours)))
            continue
        speed, memory = row["words_per_second"], row["peak_memory"]
        peak = memory["cuda"] if cuda else memory["rss"]
        ratios = " | ".join(f"{row['times_as_fast'][one]:.2f}x" for one in ours)
        lines.append(
            f"| {name} | {speed['median']:,.0f} | {speed['min']:,.0f} to {speed['max']:,.0f} | {peak / 1e9:.2f} GB "
            f"| {row['f1']['median']:.4f} | {row['f1_lenient']:.4f} | {ratios} |"
        )
    lines += ["", *(f"- {name}: {row['what']}{_precision(row)}" for name, row in rows.items())]
    if "confidence_costs_percent" in record:
        lines += ["", f"Confidence costs {record['confidence_costs_percent']} % of the words/s."]
    said = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return "\n".join([*lines, "", f"Versions: {said}.", ""])


def _precision(row: dict[str, Any]) -> str:
    return f" ({row['precision']})" if row.get("precision") else ""
