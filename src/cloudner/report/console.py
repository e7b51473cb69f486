"""`@loggers "cloudner.Console.v1"`: what a training run says while it runs.

spaCy calls the logger at every step, but hands over losses and scores only at an evaluation; in between, the
learning rate comes from the trained component (`model.attrs["learn_rate"]`) and everything else from the clock.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import srsly

NAME = "cloudner"  # the component asked for its learning rate; without it, the first one that has one


def console_logger(
    progress: bool = True, log_file: str | None = "auto", log_every: int = 50
) -> Callable[..., tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]]:
    """A spaCy training logger.

    progress: a live progress bar where the output is a terminal; otherwise one line an evaluation and one every
    `log_every` steps. log_file: JSONL, one record an evaluation and one every `log_every` steps; "auto" is
    `log.jsonl` in the output folder of the run (nothing without one), None is no file. Records have step, epoch,
    loss (mean of a step since the last evaluation), losses (by component), lr, words_per_second (of training
    alone), seconds (since the start), memory_mb (MiB: reserved on CUDA, allocated on MPS, resident otherwise),
    memory_kind, score and scores; those not known at a step are left out.
    """

    def setup_logger(
        nlp: Any, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        path = _log_path(nlp, log_file)
        run = TrainingConsole(nlp, stdout, path, progress=progress, log_every=max(1, log_every))
        return run.log_step, run.finalize

    return setup_logger


class Clock:
    """Time of training alone: evaluations, and the checkpoints written with them, are taken out.

    They are part of the evaluating step's time; that step is taken to train as long as the others do on average.
    """

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self.now = now
        self.started = self.last = now()
        self.plain_seconds, self.plain_steps = 0.0, 0
        self._span_seconds, self._span_steps, self._span_all = 0.0, 0, 0.0

    def tick(self, evaluated: bool) -> None:
        now = self.now()
        gap, self.last = now - self.last, now
        self._span_all += gap
        if not evaluated:
            self.plain_seconds += gap
            self.plain_steps += 1
            self._span_seconds += gap
            self._span_steps += 1

    def training_seconds(self) -> float | None:
        """Since the last call of this method, which must be at an evaluation; None while no other step is known."""
        seconds = None
        if self._span_steps:
            seconds = min(self._span_seconds * (self._span_steps + 1) / self._span_steps, self._span_all)
        elif self.plain_steps:
            seconds = min(self.plain_seconds / self.plain_steps, self._span_all)
        self._span_seconds, self._span_steps, self._span_all = 0.0, 0, 0.0
        return seconds

    @property
    def seconds(self) -> float:
        return self.last - self.started


class TrainingConsole:
    """State of one run's output; see `console_logger`."""

    def __init__(
        self, nlp: Any, stdout: IO[str], path: Path | None, *, progress: bool, log_every: int
    ) -> None:
        from rich.console import Console

        self.nlp, self.stdout, self.path, self.log_every = nlp, stdout, path, log_every
        self.console = Console(file=stdout, highlight=False)
        self.total = _total_steps(nlp)
        self.clock = Clock()
        self.step, self.epoch = -1, 0
        self.words, self.words_step = 0, -1
        self.latest: dict[str, Any] = {}
        self.best: tuple[float, int] | None = None
        self.stream = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.stream = path.open("w", encoding="utf-8")
        self.bar, self.task = None, None
        if progress and self.console.is_terminal:
            self.bar, self.task = _start_bar(self.console, self.total)
        self.console.print(f"[bold]{_HEADER}[/]" if self.bar else _HEADER, soft_wrap=True)

    def log_step(self, info: dict[str, Any] | None) -> None:
        self.step += 1
        self.clock.tick(evaluated=info is not None)
        record = None
        if info is not None:
            record = self._evaluation(info)
            self._print_evaluation(record)
        elif self.step % self.log_every == 0:
            record = self._snapshot()
            if self.bar is None:
                self.console.print(self._status_line(), soft_wrap=True)
        if record is not None and self.stream is not None:
            self.stream.write(srsly.json_dumps(record) + "\n")
            self.stream.flush()  # a run that is killed leaves its log
        if self.bar is not None:
            self.bar.update(self.task, completed=self.step, status=self._bar_status())

    def finalize(self) -> None:
        if self.bar is not None:
            self.bar.stop()
        if self.stream is not None:
            self.stream.close()
        if self.best is not None:
            score, step = self.best
            self.console.print(
                f"Best dev F1 {100 * score:.2f} at step {step:,}; {self.step:,} steps in {duration(self.clock.seconds)}."
            )
        if self.path is not None:
            self.console.print(f"Log: {self.path}", soft_wrap=True)

    def _evaluation(self, info: dict[str, Any]) -> dict[str, Any]:
        self.step, self.epoch = int(info["step"]), int(info["epoch"])
        losses = {name: float(loss) for name, loss in info["losses"].items()}
        steps = max(1, self.step - self.words_step)
        words = int(info.get("words", 0)) - self.words
        self.words, self.words_step = int(info.get("words", 0)), self.step
        seconds = self.clock.training_seconds()
        scores = {
            name: float(value)
            for name, value in (info.get("other_scores") or {}).items()
            if isinstance(value, (int, float))
        }
        score = scores.get("ents_f", info.get("score"))
        if score is not None and (self.best is None or score > self.best[0]):
            self.best = (float(score), self.step)
        record: dict[str, Any] = self._snapshot()
        if losses:
            record["loss"] = sum(losses.values()) / steps
            record["losses"] = losses
        if seconds:
            record["words_per_second"] = round(words / seconds, 1)
        if info.get("score") is not None:
            record["score"] = float(info["score"])
        record["scores"] = scores
        self.latest = record
        return record

    def _snapshot(self) -> dict[str, Any]:
        record: dict[str, Any] = {"step": self.step, "epoch": self.epoch}
        rate = learn_rate(self.nlp)
        if rate is not None:
            record["lr"] = rate
        record["seconds"] = round(self.clock.seconds, 3)
        record.update(memory())
        return record

    def _print_evaluation(self, record: dict[str, Any]) -> None:
        f1 = record["scores"].get("ents_f", record.get("score"))
        is_best = self.best is not None and self.best[1] == self.step
        row = _ROW.format(
            epoch=record["epoch"],
            step=f"{record['step']:,}",
            loss=_number(record.get("loss")),
            f1=_percent(f1) + ("*" if is_best else " "),
            precision=_percent(record["scores"].get("ents_p")),
            recall=_percent(record["scores"].get("ents_r")),
            lr=_number(record.get("lr")),
            speed=_thousands(record.get("words_per_second")),
            memory=_thousands(record.get("memory_mb")),
            time=duration(record["seconds"]),
        )
        self.console.print(f"[green]{row}[/]" if self.bar and is_best else row, soft_wrap=True)

    def _status_line(self) -> str:
        of = f" of {self.total:,}" if self.total else ""
        left = self._left()
        parts = [f"step {self.step:,}{of}", f"{duration(self.clock.seconds)} gone"]
        if left is not None:
            parts.append(f"{duration(left)} left")
        return "  " + ", ".join([*parts, *self._live()])

    def _bar_status(self) -> str:
        left = self._left()
        parts = [] if left is None else [f"{duration(left)} left"]
        return " · ".join([*parts, *self._live()])

    def _live(self) -> list[str]:
        latest, parts = self.latest, []
        if "words_per_second" in latest:
            parts.append(f"{latest['words_per_second']:,.0f} words/s")
        if "loss" in latest:
            parts.append(f"loss {_number(latest['loss'])}")
        f1 = (latest.get("scores") or {}).get("ents_f", latest.get("score"))
        if f1 is not None and self.best is not None:
            parts.append(f"F1 {_percent(f1)} (best {_percent(self.best[0])})")
        rate = learn_rate(self.nlp)
        if rate is not None:
            parts.append(f"lr {_number(rate)}")
        if "memory_mb" in latest:
            parts.append(f"{latest['memory_mb']:,.0f} MiB")
        return parts

    def _left(self) -> float | None:
        if not self.total or self.step < 1:
            return None
        return max(0.0, self.total - self.step) * self.clock.seconds / (self.step + 1)


def learn_rate(nlp: Any) -> float | None:
    """The rate of the last step as the trained component publishes it, None where none does."""
    pipes = dict(nlp.pipeline)
    order = [pipes[NAME]] if NAME in pipes else []
    for pipe in [*order, *pipes.values()]:
        attrs = getattr(getattr(pipe, "model", None), "attrs", None) or {}
        rate = attrs.get("learn_rate")
        if rate is not None:
            return float(rate)
    return None


def memory() -> dict[str, Any]:
    """`memory_mb` (MiB) and `memory_kind`; a device counts only once something else has begun to use it."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        return {"memory_mb": round(torch.cuda.max_memory_reserved() / 2**20, 1), "memory_kind": "cuda"}
    if torch is not None and getattr(torch, "mps", None) is not None and torch.backends.mps.is_available():
        return {"memory_mb": round(torch.mps.driver_allocated_memory() / 2**20, 1), "memory_kind": "mps"}
    import psutil

    return {"memory_mb": round(psutil.Process().memory_info().rss / 2**20, 1), "memory_kind": "host"}


def duration(seconds: float) -> str:
    """`9s`, `3m 05s`, `2h 07m`."""
    total = round(seconds)
    if total < 60:
        return f"{total}s"
    minutes, rest = divmod(total, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


# 79 characters wide: it fits a plain terminal.
_ROW = "{epoch:>5} {step:>8} {loss:>8} {f1:>7} {precision:>6} {recall:>6} {lr:>8} {speed:>7} {memory:>7} {time:>8}"
_HEADER = _ROW.format(
    epoch="epoch",
    step="step",
    loss="loss",
    f1="F1 ",
    precision="prec",
    recall="recall",
    lr="lr",
    speed="words/s",
    memory="MiB",
    time="time",
)


def _start_bar(console: Any, total: int | None) -> tuple[Any, Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("training"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}"),
        console=console,
        refresh_per_second=4,
        transient=True,
    )
    task = bar.add_task("", total=total, status="")
    bar.start()
    return bar, task


def _total_steps(nlp: Any) -> int | None:
    published = (nlp.meta.get("cloudner") or {}).get("total_steps")
    if published:
        return int(published)
    steps = nlp.config["training"].get("max_steps")
    return int(steps) if isinstance(steps, int) and steps > 0 else None


def _log_path(nlp: Any, log_file: str | None) -> Path | None:
    if log_file is None:
        return None
    if log_file != "auto":
        return Path(log_file)
    output = (nlp.meta.get("cloudner") or {}).get("output_path") or _output_option(sys.argv)
    return Path(output) / "log.jsonl" if output else None


def _output_option(argv: list[str]) -> str | None:
    """The output folder in the words of `spacy train CONFIG --output FOLDER`: a logger is told nothing of it."""
    options = ("--output", "--output-path", "-o")
    if "train" not in argv:
        return None
    for word, following in zip(argv, [*argv[1:], None], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else following
    return None


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1e}" if value and abs(value) < 0.001 else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _thousands(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
