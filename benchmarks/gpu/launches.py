"""What a step of the recipe and a stream of sentences cost: kernels, launches, how busy the GPU is, where the host is.

For each value of `fast` torch's profiler watches some steps, then Python's profiler others; the clock alone, without
either, says how long a step takes. Texts go to gpu-profile.txt, the numbers into the results.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import read_folder
from benchmarks.gpu.pipeline import Training, fast_names, fast_override, fast_report, start
from benchmarks.gpu.plan import Settings
from benchmarks.machine import synchronize
from benchmarks.peers.ours import bare_docs

KERNELS, FUNCTIONS = 25, 40


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    path = Path(settings.results) / "gpu-profile.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("", encoding="utf-8")
    sentences = read_folder(Path(settings.data))
    some = {"train": sentences["train"][:4_000], "dev": sentences["dev"][:64]}
    made: dict[str, Any] = {"steps": {}, "pipe": {}}

    def say(title: str, text: str) -> None:
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(f"== {title} ==\n{text}\n")

    for fast in reversed(fast_names()):  # what is new first, should the time run out
        training = start(
            settings.encoder, some, settings.folder("profile"), settings.device, fast_override(fast)
        )
        made["steps"][fast] = steps(settings, training, f"steps, fast = {fast}", say)
        made["steps"][fast]["report"] = fast_report(training.nlp)
        put(made)
        docs = sentences["test"][: 32 if settings.smoke else 2_000]
        made["pipe"][fast] = pipe(settings, training, docs, f"pipe, fast = {fast}", say)
        made["pipe"][fast]["report"] = fast_report(training.nlp)
        put(made)
        print(fast, made["steps"][fast], made["pipe"][fast], flush=True)


Say = Callable[[str, str], None]


def steps(settings: Settings, training: Training, title: str, say: Say) -> dict[str, Any]:
    count = 2 if settings.smoke else 20
    for _ in range(2 if settings.smoke else 30):
        training.step()
    taken, words = [], 0
    synchronize(settings.device)
    for _ in range(2 * count):
        began = time.perf_counter()
        words += training.step()
        taken.append(time.perf_counter() - began)
    synchronize(settings.device)
    made: dict[str, Any] = {
        "step_ms": round(1e3 * statistics.median(taken), 3),
        "words_per_second": round(words / sum(taken), 1),
    }

    def work() -> None:
        for _ in range(count):
            training.step()

    made |= watched(settings, work, count, title, say)
    made |= _halves(settings, training, count)
    say(f"{title}: Python, {count} steps", python_profile(work, settings))
    return made


def _halves(settings: Settings, training: Training, count: int) -> dict[str, float]:
    """ms of host time until each half of a step returns, and until the device is done, one half at a time."""
    parts: dict[str, list[float]] = {"update": [], "update_and_wait": [], "finish": [], "finish_and_wait": []}
    for _ in range(count):
        _, batch = next(training.batches)
        for name, work in (
            ("update", lambda batch=batch: training.nlp.update(batch, drop=training.dropout, sgd=False)),
            ("finish", lambda: training.pipe.finish_update(training.optimizer)),
        ):
            synchronize(settings.device)
            began = time.perf_counter()
            work()
            parts[name].append(time.perf_counter() - began)
            synchronize(settings.device)
            parts[f"{name}_and_wait"].append(time.perf_counter() - began)
        training.optimizer.step_schedules()
    return {f"{name}_ms": round(1e3 * statistics.median(values), 3) for name, values in parts.items()}


def pipe(settings: Settings, training: Training, sentences: Any, title: str, say: Say) -> dict[str, Any]:
    nlp = training.nlp
    size = 1_024

    def work() -> None:
        for _ in nlp.pipe(docs, batch_size=size):
            pass

    taken = []
    for _ in range(2 if settings.smoke else 4):
        docs = list(bare_docs(nlp.vocab, sentences))
        synchronize(settings.device)
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    seconds = statistics.median(taken[1:])
    words = sum(len(words) for words, _ in sentences)
    made: dict[str, Any] = {
        "words_per_second": round(words / seconds, 1),
        "seconds": round(seconds, 4),
        "first_seconds": round(taken[0], 3),
    }
    docs = list(bare_docs(nlp.vocab, sentences))
    made |= watched(settings, work, 1, title, say)
    docs = list(bare_docs(nlp.vocab, sentences))
    say(f"{title}: Python, {len(docs)} sentences", python_profile(work, settings))
    return made


def watched(settings: Settings, work: Callable[[], None], count: int, title: str, say: Say) -> dict[str, Any]:
    """Kernels and launches by torch's profiler, each divided by `count`. Its own cost makes the host slower, so the
    share in which the GPU is busy is given of the profiled time and to be read as a lower bound."""
    from torch.profiler import ProfilerActivity, profile

    kinds = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if settings.cuda else [])]
    synchronize(settings.device)
    with profile(activities=kinds) as made:
        began = time.perf_counter()
        work()
        synchronize(settings.device)
        seconds = time.perf_counter() - began
    averages = made.key_averages()
    by = "self_device_time_total" if settings.cuda else "self_cpu_time_total"
    say(f"{title}: by {by}", averages.table(sort_by=by, row_limit=KERNELS, max_name_column_width=90))
    say(
        f"{title}: by self_cpu_time_total",
        averages.table(sort_by="self_cpu_time_total", row_limit=KERNELS, max_name_column_width=60),
    )
    found: dict[str, Any] = {"profiled_ms": round(1e3 * seconds / count, 3)}
    if settings.cuda:
        try:
            found |= _on_the_device(made, averages, seconds, count, title, say)
        except Exception as error:  # the profiler's records differ between versions; the rest is worth having
            found["failed"] = f"{type(error).__name__}: {error}"
    return found


def _on_the_device(
    made: Any, averages: Any, seconds: float, count: int, title: str, say: Say
) -> dict[str, Any]:
    kernels, launches = _kernels(made), _launches(averages)
    busy = _union([(begin, begin + length) for _, begin, length in kernels])
    say(f"{title}: kernels", _table(kernels, count))
    return {
        "kernels": round(len(kernels) / count, 1),
        "gpu_busy_ms": round(busy / 1e3 / count, 3),
        "gpu_busy_share_of_profiled": round(busy / 1e6 / seconds, 3),
        "calls": {name: round(calls / count, 1) for name, calls in launches.items()},
    }


def _kernels(made: Any) -> list[tuple[str, float, float]]:
    """(name, begin, length) of everything on the device, in microseconds: copies and fills too."""
    from torch.autograd import DeviceType

    return [
        (event.name, float(event.time_range.start), float(event.time_range.elapsed_us()))
        for event in made.events()
        if event.device_type == DeviceType.CUDA and not getattr(event, "is_user_annotation", False)
    ]


def _launches(averages: Any) -> dict[str, int]:
    """Calls of the CUDA runtime and driver: launches, graphs, copies, allocations, waits."""
    found = {row.key: row.count for row in averages if re.fullmatch(r"cu(da)?[A-Z]\w+", row.key)}
    return dict(sorted(found.items(), key=lambda item: -item[1])[:16])


def _union(spans: list[tuple[float, float]]) -> float:
    """Length of what the spans cover, in their unit."""
    covered, end = 0.0, float("-inf")
    for first, last in sorted(spans):
        covered += max(0.0, last - max(first, end))
        end = max(end, last)
    return covered


def _table(kernels: list[tuple[str, float, float]], count: int) -> str:
    by_name: dict[str, list[float]] = {}
    for name, _, length in kernels:
        by_name.setdefault(name, []).append(length)
    rows = sorted(by_name.items(), key=lambda item: -sum(item[1]))[:KERNELS]
    whole = sum(length for _, _, length in kernels) or 1.0
    lines = ["us a step | share | calls a step | kernel"]
    for name, lengths in rows:
        total = sum(lengths)
        lines.append(
            f"{total / count:9.1f} | {total / whole:5.1%} | {len(lengths) / count:7.1f} | {name[:140]}"
        )
    return "\n".join(lines)


def python_profile(work: Callable[[], None], settings: Settings) -> str:
    profiler = cProfile.Profile()
    profiler.enable()
    work()
    synchronize(settings.device)
    profiler.disable()
    text = io.StringIO()
    stats = pstats.Stats(profiler, stream=text)
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(FUNCTIONS)
    lines = text.getvalue().splitlines()
    return "\n".join(_short(line) for line in lines if line.strip())


def _short(line: str) -> str:
    """Without the folders above the package."""
    for mark in ("site-packages/", "/src/", "lib/python"):
        if mark in line:
            head, _, tail = line.partition("/")
            return head + tail.rsplit(mark, 1)[-1]
    return line
