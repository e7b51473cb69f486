"""A plan as text: a table for the terminal, or Markdown."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from cloudner.encoders.unknown import unknown_note
from cloudner.hardware.planning.currency import amount
from cloudner.hardware.planning.prices import DOLLARS
from cloudner.hardware.planning.result import HERE, Plan, PlanRow
from cloudner.hardware.planning.several import Several
from cloudner.hardware.planning.several import advice as several_advice

COLUMNS = (
    "machine",
    "fits",
    "precision",
    "pieces at once",
    "accumulation",
    "checkpointing",
    "min/epoch",
    "total",
    "{}/h",
    "cost {}",
    "time is",
)


# The same where lines are short: all but "fits", which the last column says.
SHORT = ("machine", "prec.", "pieces", "acc.", "ckpt", "min/ep.", "total", "{}/h", "cost {}", "time is")


def columns(plan: Plan, names: tuple[str, ...] = COLUMNS) -> list[str]:
    """The heads of the columns, with the plan's currency in them."""
    return [name.format("$" if plan.currency == DOLLARS else plan.currency) for name in names]


def cells(row: PlanRow) -> tuple[str, ...]:
    """One row as text, in the order of COLUMNS."""
    settings = row.settings
    without = (
        "" if row.machine.startswith(HERE) else "-"
    )  # your own machine has no price, a cloud's is not known
    if not row.fits:
        return (row.machine, "no", settings.mixed_precision, needed(row), *[""] * 7)
    return (
        row.machine,
        "yes",
        settings.mixed_precision,
        str(settings.batch_pieces),
        str(settings.accumulation),
        "on" if settings.gradient_checkpointing else "off",
        f"{row.minutes_per_epoch:.{2 if row.minutes_per_epoch < 1 else 1}f}",
        duration(row.minutes_total),
        without if row.price_per_hour is None else f"{row.price_per_hour:.2f}",
        without if row.cost is None else f"{row.cost:.2f}" if row.cost >= 0.005 else "<0.01",
        row.basis,
    )


def needed(row: PlanRow) -> str:
    """The memory that training needs, of the memory that is free."""
    return f"{row.settings.peak_bytes / 1e9:.1f} of {row.settings.free_bytes / 1e9:.1f} GB"


def duration(minutes: float) -> str:
    """Seconds below a minute, minutes below two hours, hours below two days, days above."""
    if minutes < 1:
        return f"{60 * minutes:.0f} s"
    if minutes < 120:
        return f"{minutes:.1f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def header(plan: Plan) -> str:
    """What is planned, in one line."""
    corpus = plan.corpus
    return (
        f"{plan.encoder.name} ({plan.encoder.parameters / 1e6:.0f}M parameters), {corpus.docs:,} documents, "
        f"{corpus.sentences:,} sentences, {corpus.words:,} words (about {corpus.pieces:,} word pieces), "
        f"{plan.epochs} epochs"
    )


SEVERAL = ("GPUs", "total", "times", "cost", "--scale-batch", "times", "all-reduce ms")


def several_cells(row: Several, currency: str) -> tuple[str, ...]:
    """One number of GPUs as text, in the order of SEVERAL."""
    return (
        row.name,
        duration(row.minutes_total),
        f"{row.speedup:.1f}",
        "" if row.cost is None else amount(row.cost, currency),
        duration(row.minutes_scaled),
        f"{row.speedup_scaled:.1f}",
        f"{row.all_reduce_ms:.1f}",
    )


def several_table(plan: Plan) -> Table:
    """Several GPUs, for a terminal."""
    title = f"several {plan.several_of}: an estimate; the same batch, and one as many times as large"
    shown = Table(title=title, title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in SEVERAL:
        shown.add_column(column, justify="right", no_wrap=True)
    for row in plan.several:
        shown.add_row(*several_cells(row, plan.currency))
    return shown


def advice(plan: Plan) -> list[str]:
    """The recommendation and the estimate's own favourites, one line each."""
    lines = [f"take: {plan.recommended or 'none of these'} ({plan.reason})"]
    if plan.cheapest and plan.fastest:
        low, fast = plan.row(plan.cheapest), plan.row(plan.fastest)
        lines.append(
            f"by the estimate: cheapest {low.machine} ({amount(low.cost or 0.0, plan.currency)}, "
            f"{duration(low.minutes_total)}), fastest {fast.machine} ({duration(fast.minutes_total)})"
        )
    more = {
        round(row.epochs, 1): round(row.epochs * row.updates_per_epoch)
        for row in plan.rows
        if row.fits and row.epochs > plan.epochs
    }
    if more:
        told = ", ".join(f"{epochs:g} epochs for {steps} steps" for epochs, steps in sorted(more.items()))
        lines.append(f"small corpus: {told} (the least number, `min_steps`, is the config's)")
    lines += [f"{row.machine} is too small: {needed(row)}" for row in plan.rows if not row.fits]
    lines += [
        f"{row.machine}: {row.price.product} of {row.price.provider} is the smallest, with {row.price.gpus} of them"
        for row in plan.rows
        if row.price and row.price.gpus > 1
    ]
    if plan.span_labels:
        lines.append(
            f"memory counts the scores of spans with {plan.span_labels} labels; their computing is not in the times"
        )
    if note := unknown_note(plan.corpus.unknown, plan.encoder.name):
        lines.append(note)
    if plan.several_of is not None:
        lines += several_advice(plan.several, plan.several_of, plan.docs_per_update)
    lines += about_prices(plan)
    if plan.calibration is None:
        lines.append("times are estimates from data sheets; --calibrate measures this machine")
    lines.append("starting a machine and downloads, minutes each, are in neither the times nor the costs")
    return lines


def about_prices(plan: Plan) -> list[str]:
    """From when the prices are, and by which rate they were converted."""
    days = [row.price.listed for row in plan.rows if row.price and row.price.listed]
    if days:
        converted = f", times {plan.rate:g} {plan.currency} per dollar as given" if plan.rate else ""
        return [
            f"prices: on demand, listed {min(days)} to {max(days)}{converted}; --live-prices asks for today's"
        ]
    if plan.currency != DOLLARS and plan.rate is None:
        return [
            f"prices: in {plan.currency}, those given by --price; --rate, in {plan.currency} per dollar, "
            "converts the listed ones"
        ]
    return []


def table(plan: Plan) -> Table:
    """The plan for a terminal of 80 columns."""
    shown = Table(title=header(plan), title_justify="left", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in columns(plan, SHORT):
        left = column in ("machine", "prec.", "time is")
        shown.add_column(column, justify="left" if left else "right", no_wrap=True)
    for row in plan.rows:
        style = "bold" if row.machine == plan.recommended else None if row.fits else "dim"
        if row.fits:
            texts = cells(row)
            shown.add_row(texts[0], *texts[2:], style=style)
        else:
            shown.add_row(row.machine, row.settings.mixed_precision, *[""] * 7, "no room", style=style)
    return shown


def natural_width(shown: Table) -> int:
    """Characters of a line of the table with no cell cut, its title aside."""
    wide = Console(width=10_000)
    return sum(
        max(Measurement.get(wide, wide.options, text).maximum for text in (column.header, *column.cells)) + 1
        for column in shown.columns
    )


def markdown(plan: Plan) -> str:
    """The plan as Markdown."""
    lines = [header(plan), "", "| " + " | ".join(columns(plan)) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in plan.rows:
        texts = cells(row)
        if row.machine == plan.recommended:
            texts = (f"**{texts[0]}**", *texts[1:])
        lines.append("| " + " | ".join(texts) + " |")
    if plan.several:
        lines += ["", f"Several {plan.several_of}:", ""]
        lines += ["| " + " | ".join(SEVERAL) + " |", "|" + " --- |" * len(SEVERAL)]
        lines += ["| " + " | ".join(several_cells(row, plan.currency)) + " |" for row in plan.several]
    return "\n".join([*lines, "", *(f"- {line}" for line in advice(plan)), ""])
