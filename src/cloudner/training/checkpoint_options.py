"""How often a training writes down where it is."""

from __future__ import annotations

from dataclasses import dataclass

from cloudner.errors import ConfigError


@dataclass(frozen=True)
class CheckpointOptions:
    """When a training writes down where it is, and whether it goes on from there.

    resume: "auto" (from the newest complete checkpoint, if the same training is asked for), "never", or the folder or
    URL of a checkpoint. where: a folder or a URL that fsspec opens; None: OUTPUT/checkpoints. minutes, steps: how often;
    steps, where not 0, replaces minutes. keep: how many stay. Raises ConfigError for numbers that mean nothing.
    """

    resume: str = "auto"
    where: str | None = None
    minutes: float = 10.0
    steps: int = 0
    keep: int = 2

    def __post_init__(self) -> None:
        for name, value, least in (
            ("minutes", self.minutes, 0),
            ("steps", self.steps, 0),
            ("keep", self.keep, 1),
        ):
            if not value >= least:  # nan too
                raise ConfigError(f"checkpoints: {name} = {value}", expected=f"{least} or more")
