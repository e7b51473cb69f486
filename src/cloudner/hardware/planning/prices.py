"""What a cloud GPU costs per hour: the embedded list (dated, with sources), gpuhunt's live one, or the user's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cloudner.errors import CloudnerError, InputError
from cloudner.hardware.planning.speed import accelerators

# gpuhunt also lists marketplaces where anybody rents out a card; a list price means a provider's own machines.
LIVE_PROVIDERS = ("aws", "azure", "gcp", "lambdalabs", "nebius", "oci", "runpod", "verda")
DOLLARS = "USD"  # what the lists are in
MOST = 1e9  # an hour, in any currency, and units of one per dollar: what is multiplied with them stays finite


@dataclass(frozen=True)
class Price:
    """An hour on demand of the smallest machine with such a GPU, which has `gpus` of them, in `currency`; `listed` is
    the day it was read."""

    gpu: str
    per_hour: float
    provider: str
    product: str
    listed: str
    source: str
    gpus: int = 1
    currency: str = DOLLARS


@lru_cache(maxsize=1)
def embedded_prices() -> tuple[Price, ...]:
    """The prices that come with the package; the day and the page of each are in it."""
    record = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return tuple(
        Price(
            row["gpu"],
            row["usd_per_hour"],
            row["provider"],
            row["product"],
            row["listed"],
            record["sources"][row["source"]],
            row.get("gpus", 1),
        )
        for row in record["prices"]
    )


def cheapest(prices: Iterable[Price], provider: str | None = None) -> dict[str, Price]:
    """The lowest price of each GPU, of one provider (case does not matter) where named.

    Raises `InputError` for a provider that none of the prices is of.
    """
    prices = list(prices)
    if provider:
        known = sorted({price.provider for price in prices})
        prices = [price for price in prices if price.provider.lower() == provider.strip().lower()]
        if not prices:
            raise InputError(f"no prices of the provider {provider!r}", expected=f"one of {', '.join(known)}")
    best: dict[str, Price] = {}
    for price in prices:
        if price.gpu not in best or price.per_hour < best[price.gpu].per_hour:
            best[price.gpu] = price
    return best


def live_prices(spot: bool = False) -> tuple[Price, ...]:
    """Current prices of the known GPUs from gpuhunt's catalogue (needs the extra `prices` and a network).

    Raises `CloudnerError` where it is not installed or does not answer.
    """
    try:
        import gpuhunt
    except ImportError:
        raise CloudnerError(
            "live prices need gpuhunt, which is not installed", fix='pip install "cloudner[prices]"'
        ) from None
    names = sorted({row["gpuhunt"] for row in accelerators() if row["gpuhunt"]})
    try:
        offers = gpuhunt.query(
            provider=list(LIVE_PROVIDERS), gpu_name=names, min_gpu_count=1, max_gpu_count=8, spot=spot
        )
    except Exception as error:  # network, provider and catalogue errors have no common base
        raise CloudnerError(
            f"gpuhunt has no prices now ({type(error).__name__}: {error})",
            fix="leave out --live-prices, or give --price NAME=NUMBER",
        ) from None
    prices = from_offers(offers)
    if not prices:
        raise CloudnerError(
            "gpuhunt answered without an offer of a known GPU",
            fix="leave out --live-prices, or give --price NAME=NUMBER",
        )
    return prices


def from_offers(offers: Iterable[Any]) -> tuple[Price, ...]:
    """gpuhunt's `CatalogItem`s -> prices, told apart by memory where a name has two sizes."""
    from datetime import date

    today = date.today().isoformat()
    prices = []
    for offer in offers:
        for row in accelerators():
            sized = (
                offer.gpu_memory is None
                or abs(offer.gpu_memory - row["memory_gib"]) <= 0.15 * row["memory_gib"]
            )
            if offer.gpu_name == row["gpuhunt"] and sized:
                product = f"{offer.instance_name}, {offer.location}"
                usd = round(offer.price, 4)
                prices.append(
                    Price(row["name"], usd, offer.provider, product, today, "gpuhunt", offer.gpu_count)
                )
    return tuple(prices)


def given_prices(pairs: Mapping[str, float] | Iterable[str], currency: str = DOLLARS) -> tuple[Price, ...]:
    """The user's own prices in `currency`: a mapping, or texts such as "A10G=0.9".

    Raises `InputError` for anything else.
    """
    if not isinstance(pairs, Mapping):
        pairs = dict(_pair(text, currency) for text in pairs)
    prices = []
    for name, per_hour in pairs.items():
        gpu = known_gpu(name)
        if not 0 <= per_hour <= MOST:
            raise _bad_price(f"{name}={per_hour:g}", currency)
        prices.append(Price(gpu, float(per_hour), "given", "", "", "given", currency=currency))
    return tuple(prices)


def _pair(text: str, currency: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise _bad_price(text, currency) from None


def _bad_price(text: str, currency: str) -> InputError:
    return InputError(
        f"the price {text!r}",
        expected=f"NAME=NUMBER, the number in {currency} an hour, at most {MOST:g}, such as A10G=0.9",
    )


def known_gpu(name: str) -> str:
    """The name of a cloud GPU as the plan has it (case does not matter). Raises `InputError` for any other."""
    for row in accelerators():
        if row["name"].lower() == name.strip().lower():
            return str(row["name"])
    names = ", ".join(row["name"] for row in accelerators())
    raise InputError(f"no such GPU in the plan: {name!r}", expected=f"one of {names}")
