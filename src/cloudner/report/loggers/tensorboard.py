"""`@loggers "cloudner.TensorBoard.v1"`: the records of a run as TensorBoard scalars.

`spacy-loggers` has W&B, MLflow and ClearML, but not TensorBoard. Put it beside the console with
`spacy.ChainLogger.v1`; it needs the package `tensorboard`.
"""

import sys
from collections.abc import Callable
from typing import IO, Any

from cloudner.errors import ConfigError
from cloudner.report.loggers.progress import Recorder, output_folder


def tensorboard_logger(
    log_dir: str | None = None, log_every: int = 50
) -> Callable[..., tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]]:
    """A spaCy training logger.

    log_dir: folder of the event files; by default `tensorboard` in the run's output folder, or in the working
    directory where the run has none. log_every: steps between the scalars known without an evaluation. Raises
    `ConfigError` where `tensorboard` is not installed.
    """

    def setup_logger(
        nlp: Any, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ConfigError(
                f"the TensorBoard logger cannot start ({error})", fix="pip install tensorboard"
            ) from None
        folder = log_dir
        if folder is None:
            output = output_folder(nlp)
            folder = "tensorboard" if output is None else str(output / "tensorboard")
        writer = SummaryWriter(folder)
        run = Recorder(nlp)

        def log_step(info: dict[str, Any] | None) -> None:
            record = run.advance(info)
            if record is None and run.step % max(1, log_every) == 0:
                record = run.snapshot()
            if record is None:
                return
            for name, value in _scalars(record):
                writer.add_scalar(name, value, record["step"])

        return log_step, writer.close

    return setup_logger


def _scalars(record: dict[str, Any]) -> list[tuple[str, float]]:
    names = {"loss": "train/loss", "lr": "train/learning_rate", "words_per_second": "train/words_per_second",
             "memory_mb": "train/memory_mb", "score": "dev/score"}  # fmt: skip
    scalars = [(names[key], float(record[key])) for key in names if key in record]
    return scalars + [(f"dev/{key}", value) for key, value in record.get("scores", {}).items()]
