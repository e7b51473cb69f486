"""`@loggers "cloudner.Console.v1"`: what a training run says while it runs.

spaCy calls the logger at every step, but hands over losses and scores only at an evaluation; in between, the
learning rate comes from the trained component (`model.attrs["learn_rate"]`) and everything else from the clock.
"""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import srsly

from cloudner.cores import CoreWatch
from cloudner.report.loggers.collapse import CollapseWatch
from cloudner.report.loggers.notebook import NotebookTable, in_notebook
from cloudner.report.loggers.progress import Recorder, entity_score, learn_rate, output_folder

# A log file that says nothing for longer, in seconds, looks like a run that hangs.
_SILENCE = 60.0


def console_logger(
    progress: bool = True, log_file: str | None = "auto", log_every: int = 50
) -> Callable[..., tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]]:
    """A spaCy training logger.

    progress: a live progress bar where the output is a terminal; otherwise one line per evaluation and one every
    `log_every` steps, and at least one per minute. log_file: JSONL, one record per evaluation and one every `log_every` steps; "auto" is
    `log.jsonl` in the output folder of the run (nothing without one), None is no file. What a record holds:
    `cloudner.report.loggers.progress.Recorder`.
    """

    def setup_logger(
        nlp: Any, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        path = _log_path(nlp, log_file)
        run = TrainingConsole(nlp, stdout, path, progress=progress, log_every=max(1, log_every))
        return run.log_step, run.finalize

    return setup_logger


class TrainingConsole:
    """State of one run's output; see `console_logger`."""

    def __init__(
        self, nlp: Any, stdout: IO[str], path: Path | None, *, progress: bool, log_every: int
    ) -> None:
        from rich.console import Console

        self.nlp, self.stdout, self.path, self.log_every = nlp, stdout, path, log_every
        self.console = Console(file=stdout, highlight=False)
        self.run = Recorder(nlp)
        self.stream: IO[bytes] | None = None
        self.before = b""  # the log of an earlier run, which `resume` needs
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.before = path.read_bytes() if path.exists() else b""
            self.stream = path.open("wb")
        self.printed = time.monotonic()
        self.over = threading.Event()
        self.cores: CoreWatch | None = CoreWatch()
        self.collapse = CollapseWatch()
        self.bar, self.task = None, None
        # A table is for the output that everyone writes to: not where what is printed goes elsewhere, or nowhere.
        shown = progress and stdout is sys.stdout and in_notebook()
        self.table = NotebookTable(_HEADER.split()) if shown else None
        if progress and self.table is None and self.console.is_terminal:
            self.bar, self.task = _start_bar(self.console, self.run.total)
        if self.table is None:
            self.console.print(f"[bold]{_HEADER}[/]" if self.bar else _HEADER, soft_wrap=True)
        if self.bar is None:
            threading.Thread(target=self._break_silence, name="cloudner-console", daemon=True).start()

    def log_step(self, info: dict[str, Any] | None) -> None:
        record = self.run.advance(info)
        if record is not None:
            self._print_evaluation(record)
        elif self.run.step % self.log_every == 0:
            record = self.run.snapshot()
            self._print_status()
        elif time.monotonic() - self.printed >= _SILENCE:
            self._print_status()
        if record is not None and self.stream is not None:
            self.stream.write((srsly.json_dumps(record) + "\n").encode("utf-8"))
            self.stream.flush()  # a run that is killed leaves its log
        if self.bar is not None:
            self.bar.update(self.task, completed=self.run.step, status=self._bar_status())
        if self.table is not None:
            self.table.status(self._status_line().strip())

    def state(self) -> dict[str, Any]:
        """JSON: where the log and the clock are, for `resume`."""
        return {"run": self.run.state(), "log_bytes": self.stream.tell() if self.stream is not None else 0}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on with the log and the clock of a run that was stopped: one log, one curve."""
        self.run.resume(state["run"])
        if self.stream is not None and len(self.before) >= state["log_bytes"]:
            self.stream.write(self.before[: state["log_bytes"]])
            self.stream.flush()
        if self.bar is not None:
            self.bar.update(self.task, completed=self.run.step)

    def _break_silence(self) -> None:
        """A line in the middle of a step that takes minutes: an evaluation on much data, a checkpoint."""
        while not self.over.wait(max(0.01, self.printed + _SILENCE - time.monotonic())):
            if time.monotonic() - self.printed >= _SILENCE:
                self._print_status()

    def finalize(self) -> None:
        self.over.set()
        if self.bar is not None:
            self.bar.stop()
        if self.stream is not None:
            self.stream.close()
        if self.run.best is not None:
            score, step = self.run.best
            self._say(
                f"Best dev F1 {100 * score:.2f} at step {step:,}; {self.run.step:,} steps in {duration(self.run.clock.seconds)}."
            )
        if self.table is not None:
            return
        if self.path is not None:
            self.console.print(f"Log: {self.path}", soft_wrap=True)

    def _print_evaluation(self, record: dict[str, Any]) -> None:
        f1 = entity_score(record["scores"])
        f1 = record.get("score") if f1 is None else f1
        is_best = self.run.best is not None and self.run.best[1] == self.run.step
        cells = {
            "epoch": record["epoch"],
            "step": f"{record['step']:,}",
            "loss": _number(record.get("loss")),
            "f1": _percent(f1) + ("*" if is_best else " "),
            "precision": _percent(entity_score(record["scores"], "p")),
            "recall": _percent(entity_score(record["scores"], "r")),
            "lr": _number(record.get("lr")),
            "speed": _thousands(record.get("words_per_second")),
            "memory": _thousands(record.get("memory_mb")),
            "time": duration(record["seconds"]),
        }
        if self.table is not None:
            self.table.add([str(cell).rstrip("* ") for cell in cells.values()], is_best)
        else:
            row = _ROW.format(**cells)
            self.console.print(f"[green]{row}[/]" if self.bar and is_best else row, soft_wrap=True)
        self.printed = time.monotonic()
        if note := self.collapse.told(record["step"], self.run.total, f1):
            self.console.print(note, soft_wrap=True)
        self._tell_shared()

    def _say(self, line: str) -> None:
        if self.table is not None:
            self.table.status(line, now=True)
        else:
            self.console.print(line, soft_wrap=True)

    def _print_status(self) -> None:
        if self.table is not None:
            return
        if self.bar is None:
            self.console.print(self._status_line(), soft_wrap=True)
            self.printed = time.monotonic()

    def _tell_shared(self) -> None:
        """Once, that other processes have the cores."""
        if self.cores is None:
            return
        import torch

        line = self.cores.told(torch.get_num_threads())
        if line is not None:
            self._say(line)
            self.cores = None

    def _status_line(self) -> str:
        of = f" of {self.run.total:,}" if self.run.total else ""
        left = self.run.seconds_left()
        parts = [f"step {self.run.step:,}{of}", f"{duration(self.run.seconds_gone())} gone"]
        if left is not None:
            parts.append(f"{duration(left)} left")
        return "  " + ", ".join([*parts, *self._live()])

    def _bar_status(self) -> str:
        left = self.run.seconds_left()
        parts = [] if left is None else [f"{duration(left)} left"]
        return " · ".join([*parts, *self._live()])

    def _live(self) -> list[str]:
        latest, parts = self.run.latest, []
        if "words_per_second" in latest:
            parts.append(f"{latest['words_per_second']:,.0f} words/s")
        if "loss" in latest:
            parts.append(f"loss {_number(latest['loss'])}")
        f1 = entity_score(latest.get("scores") or {})
        f1 = latest.get("score") if f1 is None else f1
        if f1 is not None and self.run.best is not None:
            parts.append(f"F1 {_percent(f1)} (best {_percent(self.run.best[0])})")
        rate = learn_rate(self.run.nlp)
        if rate is not None:
            parts.append(f"lr {_number(rate)}")
        if "memory_mb" in latest:
            parts.append(f"{latest['memory_mb']:,.0f} MiB")
        return parts


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


def _log_path(nlp: Any, log_file: str | None) -> Path | None:
    if log_file != "auto":
        return None if log_file is None else Path(log_file)
    folder = output_folder(nlp)
    return None if folder is None else folder / "log.jsonl"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.1e}" if value and abs(value) < 0.001 else f"{value:.4g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _thousands(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
