"""`plan`: which machine, with which settings, how long and for how much money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cloudner.encoders.folders import DEFAULT_ENCODER, tokenizer_file
from cloudner.encoders.limits import window_for
from cloudner.encoders.shape import EncoderShape
from cloudner.errors import InputError
from cloudner.hardware.machine import GIB, GPU, Hardware
from cloudner.hardware.prices import Price, cheapest, embedded_prices, given_prices, live_prices
from cloudner.hardware.recommend import Settings, recommend
from cloudner.hardware.speed import Calibration, Load, Rate, accelerators, cpu_rate, epoch_load, rated
from cloudner.hardware.stats import CorpusStats

HERE, HERE_CPU = "this machine", "this machine, CPU"
DEFAULT_EPOCHS = 4
DEV_SHARE = 0.1  # of the corpus, evaluated once an epoch with a forward pass only
CLOUD_CPUS, CLOUD_RAM = 8, 32 * GIB  # beside a cloud GPU; decides nothing but threads
DRIVER_KEEPS = 0.03  # of a card's memory is not available to programs
# The rule of thumb: sentences up to which a card is enough, for a base encoder and single sentences.
RULE_OF_THUMB = ((100_000, "T4"), (500_000, "A10G"), (None, "A100-40"))
RULE_PARAMETERS, RULE_WORDS = 160e6, 40
PATIENCE = 8.0  # hours; outside the rule's settings the cheapest machine that is done in this time is advised


@dataclass(frozen=True)
class PlanRow:
    """One machine: the settings that fit, the time and the price. `basis` tells how well the time is known:
    "measured" here, "rated" (from data sheets) or "assumed"."""

    machine: str
    fits: bool
    settings: Settings
    updates_per_epoch: int
    train_minutes_per_epoch: float
    minutes_per_epoch: float  # with the evaluation
    minutes_total: float
    usd_per_hour: float | None
    usd_total: float | None
    price: Price | None
    basis: str


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

    def row(self, machine: str) -> PlanRow:
        """The row of a machine by its name. Raises `InputError` for an unknown one."""
        for row in self.rows:
            if row.machine.lower() == machine.lower():
                return row
        names = ", ".join(row.machine for row in self.rows)
        raise InputError(f"no machine {machine!r} in the plan", expected=f"one of {names}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "parameters": self.encoder.parameters}


def rule_of_thumb(sentences: int) -> str:
    """T4 below 100,000 sentences, A10G up to 500,000, A100 above."""
    for most, name in RULE_OF_THUMB:
        if most is None or sentences < most or (name == "A10G" and sentences == most):
            return name
    raise AssertionError("the last rule has no bound")


def plan(
    corpus: CorpusStats | str | Path,
    encoder: EncoderShape | str = DEFAULT_ENCODER,
    *,
    hardware: Hardware | None = None,
    epochs: int = DEFAULT_EPOCHS,
    docs_per_update: int = 16,
    window: int | None = None,
    frozen_layers: int = 0,
    calibration: Calibration | Callable[..., Calibration] | None = None,
    prices: Mapping[str, float] | None = None,
    live: bool = False,
    provider: str | None = None,
) -> Plan:
    """Fits or not, settings, minutes and dollars on cloud GPUs and on this machine, and a recommendation.

    `corpus`: statistics, or a .spacy file or folder. `calibration`: what `cloudner.time_training`
    measured, or that function itself, to measure this machine now, for under a minute; without, its speed is assumed. `prices`: US dollars an hour by GPU name, over the
    embedded list; `live` asks gpuhunt; `provider` keeps one provider's prices. Raises `CloudnerError` for a corpus
    or an encoder that cannot be read.
    """
    if epochs < 1 or docs_per_update < 1:
        raise InputError(f"{epochs} epochs of {docs_per_update} documents an update", expected="1 or more")
    shape = encoder if isinstance(encoder, EncoderShape) else EncoderShape.from_name(encoder)
    if window is not None and not 3 <= window <= shape.max_length:
        raise InputError(
            f"a window of {window} word pieces",
            expected=f"3 to {shape.max_length}, what {shape.name} can read",
        )
    if not 0 <= frozen_layers <= shape.layers:
        raise InputError(
            f"{frozen_layers} frozen layers", expected=f"0 to {shape.layers}, as many as {shape.name} has"
        )
    stats = corpus if isinstance(corpus, CorpusStats) else _stats(corpus, encoder)
    limit = window_for(shape.max_length, window)
    if hardware is None:
        from cloudner.hardware.detect import detect_hardware

        hardware = detect_hardware()
    listed = cheapest(live_prices() if live else embedded_prices(), provider)
    listed.update(cheapest(given_prices(prices or {})))

    def row(
        name: str, machine: Hardware, device: str | None, rate: Rate | None, price: Price | None
    ) -> PlanRow:
        settings = recommend(
            machine,
            shape,
            stats,
            docs_per_update=docs_per_update,
            window=limit,
            frozen_layers=frozen_layers,
            device=device,
        )
        load = epoch_load(
            shape,
            stats,
            batch_pieces=settings.batch_pieces,
            docs_per_update=docs_per_update,
            window=limit,
            frozen_layers=frozen_layers,
            checkpointing=settings.gradient_checkpointing,
        )
        if rate is None:
            index = None if settings.device == "cpu" else int(settings.device.partition(":")[2] or 0)
            gpu = next((g for g in machine.gpus if g.index == index), None)
            rate = (
                cpu_rate(machine, settings.precision)
                if gpu is None
                else rated(gpu, shape, settings.precision)
            )
        return _row(name, settings, load, rate, shape, epochs, price)

    rows = [row(a["name"], cloud_machine(a), "cuda", None, listed.get(a["name"])) for a in accelerators()]
    here = recommend(hardware, shape, stats, docs_per_update=docs_per_update, window=limit)
    if callable(calibration):
        calibration = calibration(
            shape,
            stats,
            device=here.device,
            precision=here.precision,
            threads=here.threads if here.device == "cpu" else None,
            docs_per_update=docs_per_update,
        )
    measured = calibration
    rate = measured.rate if measured and measured.device == here.device else None
    on_gpu = here.device != "cpu"
    rows.append(row(HERE if on_gpu else HERE_CPU, hardware, here.device, rate, None))
    if on_gpu:
        cpu = measured.rate if measured and measured.device == "cpu" else None
        rows.append(row(HERE_CPU, hardware, "cpu", cpu, None))
    return _decide(
        Plan(
            shape,
            stats,
            epochs,
            docs_per_update,
            limit,
            tuple(rows),
            None,
            "",
            rule_of_thumb(stats.sentences),
            None,
            None,
            measured,
        )
    )


def _stats(path: str | Path, encoder: EncoderShape | str) -> CorpusStats:
    return CorpusStats.from_path(path, tokenizer_file(encoder) if isinstance(encoder, str) else None)


def cloud_machine(row: dict[str, Any]) -> Hardware:
    """A machine with one such GPU, all of it free, and a torch that fits."""
    memory = int(row["memory_gib"] * GIB)
    gpu = GPU(0, row["match"][0], memory, int(memory * (1 - DRIVER_KEEPS)), tuple(row["compute_capability"]))
    return Hardware(
        cpus=CLOUD_CPUS,
        cpus_host=CLOUD_CPUS,
        ram_total=CLOUD_RAM,
        ram_host=CLOUD_RAM,
        ram_available=CLOUD_RAM,
        gpus=(gpu,),
        torch_cuda="13.0",
        torch_sees_gpu=True,
    )


def _row(
    name: str,
    settings: Settings,
    load: Load,
    rate: Rate,
    shape: EncoderShape,
    epochs: int,
    price: Price | None,
) -> PlanRow:
    train = load.seconds(rate, shape.parameters)
    # a forward pass is a third of the work; it waits for the same launches and reads the same words
    passes = 4 if settings.gradient_checkpointing else 3
    evaluate = DEV_SHARE * (
        load.flops / passes / rate.flops
        + load.traffic / 3 / rate.bandwidth
        + load.micro_batches * rate.call / 3
    )
    minutes = (train + evaluate) / 60
    dollars = price.usd_per_hour * minutes * epochs / 60 if price and settings.fits else None
    return PlanRow(
        name,
        settings.fits,
        settings,
        load.updates,
        train / 60,
        minutes,
        minutes * epochs,
        price.usd_per_hour if price else None,
        dollars,
        price,
        rate.basis,
    )


def _decide(made: Plan) -> Plan:
    clouds = [row for row in made.rows if row.fits and not row.machine.startswith(HERE)]
    priced = [row for row in clouds if row.usd_total is not None]
    low = min(priced, key=lambda row: row.usd_total or 0.0, default=None)
    fast = min(clouds, key=lambda row: row.minutes_total, default=None)
    usual = made.encoder.parameters <= RULE_PARAMETERS and made.corpus.words_per_doc <= RULE_WORDS
    name = made.rule_of_thumb
    if usual:
        order = [row["name"] for row in accelerators()]
        fitting = {row.machine for row in clouds}
        chosen = next((other for other in order[order.index(name) :] if other in fitting), None)
        reason = (
            f"rule of thumb for a base-size encoder: {name} for {made.corpus.sentences:,} sentences "
            "(T4 below 100,000, A10G to 500,000, A100 above)"
        )
        if chosen and chosen != name:
            reason += f"; {made.encoder.name} does not fit there, {chosen} is the next that takes it"
    else:
        quick = [row for row in priced if row.minutes_total <= 60 * PATIENCE]
        best = min(quick, key=lambda row: row.usd_total or 0.0, default=fast)
        chosen = best.machine if best else None
        why = (
            "a large encoder"
            if made.encoder.parameters > RULE_PARAMETERS
            else "documents longer than a sentence"
        )
        reason = (
            f"{why}: outside the rule of thumb, so the cheapest that is done within {PATIENCE:g} hours"
            if quick
            else f"{why}: nothing is done within {PATIENCE:g} hours, so the fastest"
        )
    if chosen is None:
        reason = (
            "it fits on none of these; choose a smaller encoder, freeze lower layers or set a smaller window"
        )
    return replace(
        made,
        recommended=chosen,
        reason=reason,
        cheapest=low.machine if low else None,
        fastest=fast.machine if fast else None,
    )
