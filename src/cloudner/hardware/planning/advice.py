"""Which machine to take: the rule of thumb where it applies, else the estimates."""

from __future__ import annotations

from dataclasses import replace

from cloudner.hardware.planning.result import HERE, Plan, PlanRow
from cloudner.hardware.planning.speed import accelerators

# The rule of thumb: sentences up to which a card is enough, for a base encoder and single sentences.
RULE_OF_THUMB = ((100_000, "T4"), (500_000, "A10G"), (None, "A100-40"))
RULE_PARAMETERS, RULE_WORDS = 160e6, 40
PATIENCE = 8.0  # hours; outside the rule's settings the cheapest machine that is done in this time is advised


def rule_of_thumb(sentences: int) -> str:
    """T4 below 100,000 sentences, A10G up to 500,000, A100 above."""
    for most, name in RULE_OF_THUMB:
        if most is None or sentences < most or (name == "A10G" and sentences == most):
            return name
    raise AssertionError("the last rule has no bound")


def decide(plan: Plan) -> Plan:
    """The plan with its recommendation, its reason, and the estimates' cheapest and fastest cloud GPU."""
    clouds = [row for row in plan.rows if row.fits and not row.machine.startswith(HERE)]
    priced = [row for row in clouds if row.cost is not None]
    low = min(priced, key=lambda row: row.cost or 0.0, default=None)
    fast = min(clouds, key=lambda row: row.minutes_total, default=None)
    outside = _outside_the_rule(plan)
    chosen, reason = _by_rule(plan, clouds) if outside is None else (None, "")
    if chosen is not None and priced and plan.row(chosen).cost is None:
        outside = f"{chosen}, the rule of thumb's card, has no price here"
    if outside is not None:
        chosen, reason = _by_estimate(priced, fast, outside)
    if chosen is None:
        reason = (
            "it fits on none of these; choose a smaller encoder, freeze lower layers or set a smaller window"
        )
    return replace(
        plan,
        recommended=chosen,
        reason=reason,
        cheapest=low.machine if low else None,
        fastest=fast.machine if fast else None,
    )


def _by_rule(plan: Plan, clouds: list[PlanRow]) -> tuple[str | None, str]:
    name = plan.rule_of_thumb
    order = [row["name"] for row in accelerators()]
    fitting = {row.machine for row in clouds}
    chosen = next((other for other in order[order.index(name) :] if other in fitting), None)
    reason = (
        f"rule of thumb for a base-size encoder: {name} for {plan.corpus.sentences:,} sentences "
        "(T4 below 100,000, A10G to 500,000, A100 above)"
    )
    if chosen and chosen != name:
        reason += f"; {plan.encoder.name} does not fit there, {chosen} is the next that takes it"
    return chosen, reason


def _outside_the_rule(plan: Plan) -> str | None:
    """Why the rule of thumb says nothing about this encoder or corpus, or None where it does."""
    if plan.encoder.parameters > RULE_PARAMETERS:
        return "a large encoder: outside the rule of thumb"
    if plan.corpus.words_per_doc > RULE_WORDS:
        return "documents longer than a sentence: outside the rule of thumb"
    return None


def _by_estimate(priced: list[PlanRow], fast: PlanRow | None, why: str) -> tuple[str | None, str]:
    quick = [row for row in priced if row.minutes_total <= 60 * PATIENCE]
    best = min(quick, key=lambda row: row.cost or 0.0, default=fast)
    if quick:
        return (
            best.machine if best else None,
            f"{why}, so the cheapest that is done within {PATIENCE:g} hours",
        )
    nothing = f"nothing is done within {PATIENCE:g} hours" if priced else "nothing has a price"
    return best.machine if best else None, f"{why}; {nothing}, so the fastest"
