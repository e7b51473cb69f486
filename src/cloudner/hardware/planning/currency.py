"""The currency of a plan. There is no table of exchange rates: the one rate is the user's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from cloudner.errors import InputError
from cloudner.hardware.planning.prices import DOLLARS, MOST, Price


def known_currency(code: str, rate: float | None = None) -> str:
    """A currency's code in capitals, checked together with its rate in units per dollar.

    Raises `InputError` for what is no code of three letters, a rate that is no positive number or over `MOST`, and a rate for dollars.
    """
    name = code.strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", name):
        raise InputError(f"the currency {code!r}", expected="a code of three letters, such as CNY or USD")
    if rate is None:
        return name
    if name == DOLLARS:
        raise InputError(
            "a rate of exchange, but no other currency than dollars", fix="--currency CNY --rate 7"
        )
    if not 0 < rate <= MOST:
        raise InputError(
            f"the rate {rate:g}", expected=f"a positive number: {name} per dollar, at most {MOST:g}"
        )
    return name


def in_currency(prices: Mapping[str, Price], currency: str, rate: float | None) -> dict[str, Price]:
    """The prices in `currency`: dollars times `rate`; without a rate those in another currency are left out."""
    found = {}
    for gpu, price in prices.items():
        if price.currency == currency:
            found[gpu] = price
        elif rate is not None and price.currency == DOLLARS:
            found[gpu] = replace(price, per_hour=price.per_hour * rate, currency=currency)
    return found


def amount(value: float, currency: str = DOLLARS) -> str:
    """A sum of money with two decimals: "$1.20", "8.64 CNY"."""
    shown = f"{value:.2f}" if value >= 0.005 else "0.01"
    less = "" if value >= 0.005 else "<"
    return f"{less}${shown}" if currency == DOLLARS else f"{less}{shown} {currency}"
