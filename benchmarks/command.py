"""What every benchmark's command shares: device, threads, what is printed, the command as its results show it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def choose_device(wanted: str) -> str:
    from cloudner.loading import choose_device as choose

    return choose(wanted)


def cores() -> int:
    from cloudner.hardware.machine.cpu import usable_cpus

    return max(1, int(usable_cpus(None)))


def shown_command(arguments: Sequence[str]) -> str:
    """The command as typed, absolute paths cut to their last name."""
    shown = [Path(a).name if Path(a).is_absolute() else a for a in arguments]
    return " ".join(["python -m", *shown])


def say(text: str) -> None:
    print(text, flush=True)


def trainings_parser(module: str, doc: str | None, sentences: str, results: Path) -> argparse.ArgumentParser:
    """Of a benchmark that trains on corpora in several sizes and with several seeds. sentences: the default sizes. results: the
    folder of its JSON file, which has the module's name."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{module}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", nargs="+", required=True, help="folders of train, dev and test.conll")
    parser.add_argument(
        "--sentences", default=sentences, help="sizes of train with commas between them; 0: all"
    )
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--work", type=Path, default=results.parents[1] / "build" / "benchmarks")
    parser.add_argument("--json", type=Path, default=results / f"{module.replace('_', '-')}.json")
    return parser


def trainings(given: Any) -> Iterator[tuple[Path, int, int]]:
    """(folder, size, seed) of every training that `trainings_parser`'s arguments ask for."""
    for size in map(int, given.sentences.split(",")):
        for seed in map(int, given.seeds.split(",")):
            for data in given.data:
                yield Path(data).resolve(), size, seed
