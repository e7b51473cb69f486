"""Everything that only a CUDA machine can say, within minutes: most valuable first, each result written when it is there.

    benchmarks/gpu.sh --minutes 5 --results FOLDER
    benchmarks/gpu.sh --minutes 5 --results FOLDER --only job,whole --encoder-folder build/encoder-fp16
    benchmarks/gpu.sh --smoke                       # every part, tiny, on a CPU: does it run?
    python -m benchmarks.gpu --merge SECOND/gpu.json --results FOLDER      # the parts of another call

{parts}

Each part has its share of --minutes and what those before it left, and a process of its own: one that fails or hangs
costs itself alone, and the last lines of its stderr stand in the results. `tests` and `job`, which time nothing, go at once;
nothing runs beside the others. FOLDER gets gpu.json, gpu-log.txt and
gpu-profile.txt. Nothing is downloaded: weights are random, but for `job`, which needs the quickstart's encoder: its
package, or the folder that `python -m benchmarks.carry_encoder` writes. docs: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from benchmarks.data import ROOT
from benchmarks.gpu.plan import SHARES, UNTIMED, WHAT, Settings, deadlines, in_order
from benchmarks.gpu.process import Part, wait_for_all
from benchmarks.gpu.record import Record, without_folders

RESULTS = ROOT / "benchmarks" / "results"


def say(text: str) -> None:
    print(text, flush=True)


def run(parts: list[str], settings: Settings, minutes: float, record: Record) -> None:
    ends = deadlines(parts, minutes)
    log = Path(settings.results) / "gpu-log.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("", encoding="utf-8")
    record.hidden = [settings.work, settings.results, str(ROOT), sys.prefix]
    started = {name: Part(name, settings) for name in ["prepare", *parts]}
    try:
        together = [name for name in parts if name in UNTIMED]
        if "tests" in together:  # they need nothing that is prepared
            started["tests"].go(settings)
        _prepare(started["prepare"], settings, record, log)
        for turn in ([together] if together else []) + [[name] for name in parts if name not in UNTIMED]:
            _take(turn, {name: started[name] for name in turn}, settings, ends[turn[-1]], record, log)
    finally:
        for part in started.values():
            part.end()


def _take(
    names: list[str], parts: dict[str, Part], settings: Settings, end: float, record: Record, log: Path
) -> None:
    """These parts at once, until all are done or the time is over."""
    left = end - time.monotonic()
    if left < 3:
        for name in names:
            record.put(name, {"state": "out of time", "not_measured": "out of time"})
        say(f"{', '.join(names)}: out of time before the beginning")
        return
    settings.seconds = left
    for name in names:
        say(f"{name}: begins, at most {left:.0f} s ({WHAT[name]})")
        if name != "tests":
            parts[name].go(settings)
    for name, made in wait_for_all(parts, end, record.put).items():
        _append(log, without_folders(parts[name].log(), record.hidden))
        reason = made.get("not_measured") or (made.get("error_tail") or [""])[-1]
        say(f"{name}: {made['state']} after {made['seconds']:.0f} s {reason}".rstrip())


def _prepare(part: Part, settings: Settings, record: Record, log: Path) -> None:
    made = part.go(settings).wait(time.monotonic() + 120, lambda found: None)
    _append(log, without_folders(part.log(), record.hidden))
    if made["state"] != "done":
        raise SystemExit("\n".join(["nothing could be prepared", *made["error_tail"]]))
    if "not_measured" in made:
        raise SystemExit(made["not_measured"])
    settings.encoder, settings.data = made["encoder"], made["data"]
    record.head = {
        "machine": made["machine"],
        "versions": made["versions"],
        "command": record.head["command"],
    }
    say(f"ready after {made['seconds']:.0f} s")


def _append(log: Path, text: str) -> None:
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(text)


def main(arguments: list[str]) -> int:
    listed = "\n".join(f"{name:8} {what}" for name, what in WHAT.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description=(__doc__ or "").replace("{parts}", listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(SHARES), help="parts, separated by commas")
    parser.add_argument("--minutes", type=float, default=9.0, help="for everything; 0: no limit")
    parser.add_argument("--results", type=Path, default=None, help="default: benchmarks/results")
    parser.add_argument("--encoder-folder", default="", help="the quickstart's encoder, for job")
    parser.add_argument("--device", default="", help="cpu: only to try, or for job's F1 on a CPU")
    parser.add_argument(
        "--smoke", action="store_true", help="tiny, on the CPU unless --device says otherwise"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "gpu-run")
    parser.add_argument("--merge", type=Path, default=None, help="a results file to take over, and no run")
    given = parser.parse_args(arguments)
    work = given.work.resolve()
    results = (given.results or (work / "results" if given.smoke else RESULTS)).resolve()
    device = given.device or ("cpu" if given.smoke else "cuda:0")
    device = "cuda:0" if device == "cuda" else device
    record = Record(results / ("gpu.json" if device != "cpu" or given.smoke else "gpu-on-cpu.json"))
    if given.merge:
        record.merge(given.merge)
        return 0
    parts = in_order(given.only)
    shown = [Path(a).name if Path(a).is_absolute() else a for a in arguments]
    record.head = {"command": " ".join(["python -m benchmarks.gpu", *shown])}
    folder = str(Path(given.encoder_folder).resolve()) if given.encoder_folder else ""
    work.mkdir(parents=True, exist_ok=True)
    settings = Settings(device, given.smoke, str(work), str(results), encoder_folder=folder)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    began = time.monotonic()
    run(parts, settings, given.minutes, record)
    say(f"all: {time.monotonic() - began:.0f} s, {record.path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
