"""`plan`: which machine, with which settings, how long and for how much money."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cloudner.encoders.folders import DEFAULT_ENCODER, tokenizer_file
from cloudner.encoders.limits import window_for
from cloudner.encoders.shape import EncoderShape
from cloudner.errors import InputError
from cloudner.hardware.machine.facts import GIB, GPU, Hardware
from cloudner.hardware.planning.advice import decide, rule_of_thumb
from cloudner.hardware.planning.currency import in_currency, known_currency
from cloudner.hardware.planning.prices import (
    DOLLARS,
    Price,
    cheapest,
    embedded_prices,
    given_prices,
    live_prices,
)
from cloudner.hardware.planning.recommend import recommend
from cloudner.hardware.planning.result import HERE, HERE_CPU, Plan, PlanRow
from cloudner.hardware.planning.settings import Settings
from cloudner.hardware.planning.several import Several, several
from cloudner.hardware.planning.speed import (
    Calibration,
    Load,
    Rate,
    accelerators,
    cpu_rate,
    epoch_load,
    rated,
)
from cloudner.hardware.planning.stats import CorpusStats

DEFAULT_EPOCHS = 3  # as configs/gpu.cfg and cpu.cfg have
MIN_STEPS = {"cuda": 300, "cpu": 600}  # their `min_steps`: a small corpus is gone through more often
MOST_PASSES = 10**9  # epochs, documents per update, or steps
DEV_SHARE = 0.1  # of the corpus, evaluated once per epoch with a forward pass only
CLOUD_CPUS, CLOUD_RAM = 8, 32 * GIB  # beside a cloud GPU; decides nothing but threads
DRIVER_KEEPS = 0.03  # of a card's memory is not available to programs


def plan(
    corpus: CorpusStats | str | Path,
    encoder: EncoderShape | str = DEFAULT_ENCODER,
    *,
    hardware: Hardware | None = None,
    epochs: int = DEFAULT_EPOCHS,
    docs_per_update: int = 16,
    min_steps: int | None = None,
    window: int | None = None,
    frozen_layers: int = 0,
    calibration: Calibration | Callable[..., Calibration] | None = None,
    prices: Mapping[str, float] | None = None,
    live: bool = False,
    provider: str | None = None,
    currency: str = DOLLARS,
    rate: float | None = None,
    several_of: str | None = None,
    span_labels: int = 0,
) -> Plan:
    """Fits or not, settings, minutes and money on cloud GPUs and on this machine, and a recommendation.

    `corpus`: statistics, or a .spacy file or folder. `calibration`: what `cloudner.time_training` measured, or that
    function itself, to measure this machine now, for under a minute; without, its speed is assumed. `prices`: the
    price per hour by GPU name, in `currency`, over the embedded list; `live` asks gpuhunt; `provider` keeps one
    provider's prices. The lists are in US dollars: `rate`, in `currency` per dollar, converts them, and without it they
    are left out of a plan in another currency. `min_steps`: the least number of updates, however few an epoch has; None: as the
    package's configs say, 300 on a GPU and 600 on a CPU. `several_of`: a cloud GPU, or "recommended": also 2, 4 and 8 of them, and
    two machines. `span_labels`: how many labels a `cloudner_spans` has, 0 for a tagger: its scores count in memory, not in time.
    Raises `CloudnerError` for a corpus or an encoder that cannot be read.
    """
    least = MIN_STEPS if min_steps is None else dict.fromkeys(MIN_STEPS, min_steps)
    _check_numbers(epochs, docs_per_update, min(least.values()), max(least.values()), span_labels)
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
    currency = known_currency(currency, rate)
    stats = corpus if isinstance(corpus, CorpusStats) else _stats(corpus, encoder)
    if hardware is None:
        from cloudner.hardware.machine.detect import detect_hardware

        hardware = detect_hardware()
    listed = in_currency(cheapest(live_prices() if live else embedded_prices(), provider), currency, rate)
    listed.update(cheapest(given_prices(prices or {}, currency)))
    training = _Training(
        shape, stats, epochs, least, docs_per_update, window_for(shape.max_length, window), frozen_layers, span_labels
    )  # fmt: skip
    rows = [
        training.row(a["name"], cloud_machine(a), "cuda", price=listed.get(a["name"])) for a in accelerators()
    ]
    here = training.settings(hardware)
    measured = training.measure(calibration, here) if callable(calibration) else calibration
    rows.append(training.row(HERE_CPU if here.device == "cpu" else HERE, hardware, here.device, measured))
    if here.device != "cpu":
        rows.append(training.row(HERE_CPU, hardware, "cpu", measured))
    made = decide(
        Plan(
            encoder=shape,
            corpus=stats,
            epochs=epochs,
            docs_per_update=docs_per_update,
            window=training.window,
            rows=tuple(rows),
            recommended=None,
            reason="",
            rule_of_thumb=rule_of_thumb(stats.sentences),
            cheapest=None,
            fastest=None,
            calibration=measured,
            currency=currency,
            rate=rate,
            span_labels=span_labels,
        )
    )
    name = made.recommended if several_of == "recommended" else several_of
    if name is None:
        return made
    row = made.row(name)
    return replace(made, several_of=row.machine, several=training.several(row))


def _check_numbers(epochs: int, docs_per_update: int, least: int, most: int, span_labels: int) -> None:
    """least, most: of the least numbers of steps. Raises InputError."""
    if not 0 <= least <= most <= MOST_PASSES:
        raise InputError(f"at least {least} steps", expected=f"0 to {MOST_PASSES:,}")
    if not (1 <= epochs <= MOST_PASSES and 1 <= docs_per_update <= MOST_PASSES):
        raise InputError(
            f"{epochs} epochs of {docs_per_update} documents per update",
            expected=f"1 or more, at most {MOST_PASSES:,}",
        )
    if span_labels < 0:
        raise InputError(f"{span_labels} labels of spans", expected="1 or more, or 0 for a tagger")


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


@dataclass(frozen=True)
class _Training:
    """What is to be trained; each machine is asked for the same."""

    shape: EncoderShape
    stats: CorpusStats
    epochs: int
    least: Mapping[str, int]  # steps, by kind of device
    docs_per_update: int
    window: int
    frozen_layers: int
    span_labels: int

    def settings(self, machine: Hardware, device: str | None = None) -> Settings:
        return recommend(
            machine,
            self.shape,
            self.stats,
            docs_per_update=self.docs_per_update,
            window=self.window,
            frozen_layers=self.frozen_layers,
            device=device,
            span_labels=self.span_labels,
        )

    def measure(self, time_training: Callable[..., Calibration], here: Settings) -> Calibration:
        return time_training(
            self.shape,
            self.stats,
            device=here.device,
            precision=here.mixed_precision,
            threads=here.threads if here.device == "cpu" else None,
            docs_per_update=self.docs_per_update,
        )

    def load(self, settings: Settings) -> Load:
        return epoch_load(
            self.shape,
            self.stats,
            batch_pieces=settings.batch_pieces,
            docs_per_update=self.docs_per_update,
            window=self.window,
            frozen_layers=self.frozen_layers,
            checkpointing=settings.gradient_checkpointing,
            span_labels=self.span_labels,
        )

    def rate(self, machine: Hardware, settings: Settings, measured: Calibration | None) -> Rate:
        """As measured on this device, else by its data sheet or assumed."""
        if measured and measured.device == settings.device:
            return measured.rate
        index = None if settings.device == "cpu" else int(settings.device.partition(":")[2] or 0)
        gpu = next((g for g in machine.gpus if g.index == index), None)
        if gpu is None:
            return cpu_rate(machine, settings.mixed_precision)
        return rated(gpu, self.shape, settings.mixed_precision)

    def several(self, row: PlanRow) -> tuple[Several, ...]:
        """Several of a cloud GPU of the plan. Raises InputError for what is none, or too small."""
        card = next((each for each in accelerators() if each["name"] == row.machine), None)
        if card is None or not row.fits:
            why = "is too small" if card is not None else "is no cloud GPU"
            raise InputError(f"several of {row.machine!r}, which {why}", expected="another --gpu")
        load, rate = self.load(row.settings), self.rate(cloud_machine(card), row.settings, None)
        return several(
            row.machine, load, rate, self.shape.parameters, row.epochs, row.minutes_total, row.cost
        )

    def row(
        self,
        name: str,
        machine: Hardware,
        device: str,
        measured: Calibration | None = None,
        price: Price | None = None,
    ) -> PlanRow:
        settings = self.settings(machine, device)
        load, rate = self.load(settings), self.rate(machine, settings, measured)
        train = load.seconds(rate, self.shape.parameters)
        # a forward pass is a third of the work; it waits for the same launches and reads the same words
        passes = 4 if settings.gradient_checkpointing else 3
        evaluate = DEV_SHARE * (
            load.flops / passes / rate.flops
            + load.traffic / 3 / rate.bandwidth
            + load.micro_batches * rate.call / 3
        )
        minutes = (train + evaluate) / 60
        least = self.least["cpu" if settings.device == "cpu" else "cuda"]
        epochs = max(self.epochs, least / max(load.updates, 1))
        total = minutes * epochs
        return PlanRow(
            machine=name,
            fits=settings.fits,
            settings=settings,
            epochs=epochs,
            updates_per_epoch=load.updates,
            train_minutes_per_epoch=train / 60,
            minutes_per_epoch=minutes,
            minutes_total=total,
            price_per_hour=price.per_hour if price else None,
            cost=price.per_hour * total / 60 if price and settings.fits else None,
            price=price,
            basis=rate.basis,
        )
