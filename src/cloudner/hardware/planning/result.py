"""What a plan says: a row per machine, and which one to take."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from cloudner.encoders.shape import EncoderShape
from cloudner.errors import InputError
from cloudner.hardware.planning.prices import DOLLARS, Price
from cloudner.hardware.planning.settings import Settings
from cloudner.hardware.planning.several import Several
from cloudner.hardware.planning.speed import Calibration
from cloudner.hardware.planning.stats import CorpusStats

HERE, HERE_CPU = "this machine", "this machine, CPU"


@dataclass(frozen=True)
class PlanRow:
    """One machine: the settings that fit, the time and the price, in the plan's currency. `basis` tells how well the time is known:
    "measured" here, "rated" (from data sheets) or "assumed"."""

    machine: str
    fits: bool
    settings: Settings
    epochs: float  # more than the plan's where those have fewer steps than the least number
    updates_per_epoch: int
    train_minutes_per_epoch: float
    minutes_per_epoch: float  # with the evaluation
    minutes_total: float
    price_per_hour: float | None
    cost: float | None  # of the whole training
    price: Price | None
    basis: str

    @property
    def usd_per_hour(self) -> float | None:
        """`price_per_hour` of a plan in dollars, None in another currency."""
        return self.price_per_hour if self.price and self.price.currency == DOLLARS else None

    @property
    def usd_total(self) -> float | None:
        """`cost` of a plan in dollars, None in another currency."""
        return self.cost if self.price and self.price.currency == DOLLARS else None


@dataclass(frozen=True)
class Plan:
    """All machines, and which one to take."""

    encoder: EncoderShape
    corpus: CorpusStats
    epochs: int
    docs_per_update: int
    window: int
    rows: tuple[PlanRow, ...]
    recommended: str | None
    reason: str
    rule_of_thumb: str  # what the rule says, whether or not it applies
    cheapest: str | None
    fastest: str | None
    calibration: Calibration | None = None
    currency: str = DOLLARS
    rate: float | None = None  # units of `currency` per dollar, by which listed prices were converted
    several_of: str | None = None  # the GPU of which there are several
    several: tuple[Several, ...] = ()
    span_labels: int = 0  # of a `cloudner_spans`; 0 for a tagger

    def row(self, machine: str) -> PlanRow:
        """The row of a machine by its name. Raises `InputError` for an unknown one."""
        for row in self.rows:
            if row.machine.lower() == machine.lower():
                return row
        names = ", ".join(row.machine for row in self.rows)
        raise InputError(f"no machine {machine!r} in the plan", expected=f"one of {names}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = [
            {
                **asdict(row),
                "usd_per_hour": row.usd_per_hour,
                "usd_total": row.usd_total,
                "settings": row.settings.to_dict(),
            }
            for row in self.rows
        ]
        return {**asdict(self), "rows": rows, "parameters": self.encoder.parameters}
