"""A plan as text: a table for the terminal, or Markdown."""

from __future__ import annotations

from rich.table import Table

from cloudner.hardware.plan import Plan, PlanRow

COLUMNS = (
    "machine",
    "fits",
    "precision",
    "pieces at once",
    "accumulation",
    "checkpointing",
    "min/epoch",
    "total",
    "$/h",
    "cost",
    "time is",
)


def cells(row: PlanRow) -> tuple[str, ...]:
    """One row as text, in the order of COLUMNS."""
    settings = row.settings
    if not row.fits:
        need = f"{settings.peak_bytes / 1e9:.1f} of {settings.free_bytes / 1e9:.1f} GB"
        return (row.machine, "no", settings.precision, need, *[""] * 7)
    return (
        row.machine,
        "yes",
        settings.precision,
        str(settings.batch_pieces),
        str(settings.accumulation),
        "on" if settings.gradient_checkpointing else "off",
        f"{row.minutes_per_epoch:.1f}",
        duration(row.minutes_total),
        "" if row.usd_per_hour is None else f"{row.usd_per_hour:.2f}",
        "" if row.usd_total is None else f"{row.usd_total:.2f}",
        row.basis,
    )


def duration(minutes: float) -> str:
    """Minutes below two hours, hours below two days, days above."""
    if minutes < 120:
        return f"{minutes:.1f} min"
    return f"{minutes / 60:.1f} h" if minutes < 48 * 60 else f"{minutes / 1440:.1f} d"


def header(made: Plan) -> str:
    """What is planned, in one line."""
    corpus = made.corpus
    return (
        f"{made.encoder.name} ({made.encoder.parameters / 1e6:.0f}M parameters), {corpus.docs:,} documents, "
        f"{corpus.sentences:,} sentences, {corpus.words:,} words (about {corpus.pieces:,} word pieces), "
        f"{made.epochs} epochs"
    )


def advice(made: Plan) -> list[str]:
    """The recommendation and the estimate's own favourites, one line each."""
    lines = [f"take: {made.recommended or 'none of these'} ({made.reason})"]
    if made.cheapest and made.fastest:
        low, fast = made.row(made.cheapest), made.row(made.fastest)
        lines.append(
            f"by the estimate: cheapest {low.machine} (${low.usd_total:.2f}, {duration(low.minutes_total)}), "
            f"fastest {fast.machine} ({duration(fast.minutes_total)})"
        )
    days = [row.price.listed for row in made.rows if row.price and row.price.listed]
    if days:
        lines.append(f"prices: on demand, listed {min(days)} to {max(days)}; --live-prices asks for today's")
    if made.calibration is None:
        lines.append("times are estimates from data sheets; --calibrate measures this machine")
    return lines


def table(made: Plan) -> Table:
    """The plan for a terminal."""
    shown = Table(title=header(made), title_justify="left")
    for column in COLUMNS:
        shown.add_column(column, justify="left" if column in ("machine", "precision", "time is") else "right")
    for row in made.rows:
        style = "bold" if row.machine == made.recommended else None if row.fits else "dim"
        shown.add_row(*cells(row), style=style)
    return shown


def markdown(made: Plan) -> str:
    """The plan as Markdown."""
    lines = [header(made), "", "| " + " | ".join(COLUMNS) + " |", "|" + " --- |" * len(COLUMNS)]
    for row in made.rows:
        texts = cells(row)
        if row.machine == made.recommended:
            texts = (f"**{texts[0]}**", *texts[1:])
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join([*lines, "", *(f"- {line}" for line in advice(made)), ""])
