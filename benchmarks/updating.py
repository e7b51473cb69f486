"""What an update costs and brings: a label held back from half of assets/, then added with the other half.

    python -m benchmarks.updating --label MISC --only-new      the other half annotated with the new label alone

Prints F1 on assets/test.csv of the old labels together and of the new one: of the base, of updates with and without
replay, and of a training on everything from the pretrained encoder.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import cloudner

ASSETS = Path(__file__).resolve().parents[1] / "assets"
Pair = tuple[str, list[tuple[int, int, str]]]


def read(name: str) -> list[Pair]:
    with open(ASSETS / f"{name}.csv", encoding="utf8", newline="") as stream:
        return [(r["text"], [tuple(e) for e in json.loads(r["entities"])]) for r in csv.DictReader(stream)]


def only(pairs: list[Pair], labels: set[str]) -> list[Pair]:
    return [(text, [e for e in spans if e[2] in labels]) for text, spans in pairs]


def scores(result: Any, test: list[Pair], new: str, folder: Path) -> dict[str, float]:
    """F1 of the old labels together and of the new one."""
    from cloudner.corpus.handed import as_sources

    cloudner.convert(as_sources(test, folder / "given"), folder / "test.spacy")
    per_label = cloudner.evaluate(result.nlp, folder / "test.spacy", rounds=10).strict.per_label
    old = [score for label, score in per_label.items() if label != new]
    both = sum(old[1:], old[0])
    return {"old": both.f1, "new": per_label[new].f1 if new in per_label else 0.0}


def measured(
    label: str, *, only_new: bool = False, quick: bool = False, documents: int | None = None, **overrides: Any
) -> dict[str, Any]:
    """Scores by what was trained. quick: the base and one update alone. documents: of train, all where None."""
    train, dev, test = read("train"), read("dev"), read("test")
    train = train[:: 1 if documents is None else len(train) // documents]
    every = {e[2] for _, spans in train for e in spans}
    first, second = train[::2], train[1::2]
    known = every - {label}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options: Any = {
            "show": False,
            "calibrate": False,
            "overrides": {"training." + k: v for k, v in overrides.items()},
        }
        base = cloudner.train(only(first, known), only(dev, known), output=folder / "base", **options)
        found["base"] = scores(base, test, label, folder)
        new = only(second, {label}) if only_new else second
        plans = (
            {"update, replay 0.5": 0.5} if quick else {"update, replay 0.5": 0.5, "update, no replay": 0.0}
        )
        for words, replay in plans.items():
            made = cloudner.train(
                new, dev, base=base.path, replay=replay, output=folder / f"update-{replay}", **options
            )
            found[words] = {**scores(made, test, label, folder), "seconds": made.run["seconds"]}
            found[words]["rows"] = [
                row for row in made.settings if row[0] in ("replay", "predicted by the base", "total_steps")
            ]
        if not quick:
            made = cloudner.train(train, dev, output=folder / "whole", **options)
            found["from the encoder, everything"] = {
                **scores(made, test, label, folder), "seconds": made.run["seconds"]
            }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--label", default="MISC")
    parser.add_argument("--only-new", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the base and one update alone")
    parser.add_argument("--documents", type=int, help="about so many of assets/train.csv")
    parser.add_argument("--max-epochs", type=int)
    arguments = parser.parse_args()
    epochs = {} if arguments.max_epochs is None else {"max_epochs": arguments.max_epochs}
    found = measured(
        arguments.label,
        only_new=arguments.only_new,
        quick=arguments.quick,
        documents=arguments.documents,
        **epochs,
    )
    for words, row in found.items():
        print(
            f"{words:32} old {100 * row['old']:.2f}  new {100 * row['new']:.2f}  {row.get('seconds', '')}",
            flush=True,
        )
        for each in row.get("rows", ()):
            print("    ", *each)


if __name__ == "__main__":
    main()
