"""A plan in yuan: prices by hand, listed ones by the user's rate, and cards that no list of ours has a price of."""

import json
from datetime import date

import pytest

from cloudner.errors import InputError
from cloudner.hardware import CorpusStats, plan
from cloudner.hardware.planning.currency import amount
from cloudner.hardware.planning.speed import accelerators
from cloudner.hardware.planning.tables import advice, cells, columns, markdown

BASE = "bert-base-cased"


@pytest.fixture
def planned(machine):
    def make(**options):
        return plan(CorpusStats.from_numbers(50_000, 15), BASE, hardware=machine("cpu-only"), **options)

    return make


def test_without_a_rate_only_prices_by_hand_are_shown(planned):
    made = planned(currency="CNY", prices={"RTX4090": 2.0, "V100-32": 3.0})
    assert {row.machine: row.price_per_hour for row in made.rows if row.price} == {
        "RTX4090": 2.0,
        "V100-32": 3.0,
    }
    assert made.row("RTX4090").cost == pytest.approx(2.0 * made.row("RTX4090").minutes_total / 60)
    assert made.row("RTX4090").usd_per_hour is made.row("RTX4090").usd_total is None
    shown = {row.machine: cells(row)[8:10] for row in made.rows}
    assert shown["T4"] == ("-", "-")
    assert shown["this machine, CPU"] == ("", "")
    assert shown["RTX4090"][0] == "2.00"
    assert not any("listed 20" in line for line in advice(made))


def test_a_rate_converts_the_listed_prices_and_not_those_by_hand(planned):
    dollars = planned()
    made = planned(currency="cny", rate=7.0, prices={"A10G": 5.0})
    assert made.row("T4").price_per_hour == pytest.approx(7.0 * dollars.row("T4").price_per_hour)
    assert made.row("T4").cost == pytest.approx(7.0 * dollars.row("T4").usd_total)
    assert made.row("A10G").price_per_hour == 5.0
    assert made.row("H20").cost is None
    assert any("times 7 CNY per dollar" in line for line in advice(made))


def test_dollars_are_what_they_were(planned):
    made = planned(prices={"A10G": 0.9})
    assert (made.currency, made.rate) == ("USD", None)
    assert made.row("A10G").usd_per_hour == made.row("A10G").price_per_hour == 0.9
    assert columns(made)[8:10] == ["$/h", "cost $"]


def test_json_and_markdown_say_the_currency(planned):
    made = planned(currency="CNY", rate=7.1, prices={"H20": 8.0})
    record = json.loads(json.dumps(made.to_dict()))
    assert (record["currency"], record["rate"]) == ("CNY", 7.1)
    row = next(row for row in record["rows"] if row["machine"] == "H20")
    assert (row["price_per_hour"], row["price"]["currency"], row["usd_per_hour"]) == (8.0, "CNY", None)
    text = markdown(made)
    assert "| CNY/h | cost CNY |" in text
    assert "$" not in text


def test_a_card_without_a_price_is_not_advised_where_others_have_one(planned):
    """The rule of thumb's T4 is not rented at AutoDL."""
    made = planned(currency="CNY", prices={"RTX4090": 2.0, "RTX3090": 1.6})
    assert made.rule_of_thumb == "T4"
    assert made.recommended in ("RTX4090", "RTX3090")
    assert made.recommended == made.cheapest
    assert "T4, the rule of thumb's card, has no price here" in made.reason
    assert planned(currency="CNY").recommended == "T4"  # nothing has a price: the rule stands


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"currency": "yuan"}, "the currency 'yuan'; expected a code of three letters"),
        ({"rate": 7.1}, "no other currency than dollars"),
        ({"currency": "CNY", "rate": 0.0}, "the rate 0; expected a positive number: CNY per dollar"),
        ({"currency": "CNY", "rate": float("nan")}, "the rate nan"),
        ({"currency": "CNY", "prices": {"RTX4090": -1.0}}, "the number in CNY an hour"),
    ],
)
def test_bad_money_is_one_clear_error(planned, options, message):
    with pytest.raises(InputError) as caught:
        planned(**options)
    assert message in str(caught.value)


def test_amounts():
    assert [amount(1.2), amount(0.001), amount(8.64, "CNY"), amount(0.001, "CNY")] == [
        "$1.20",
        "<$0.01",
        "8.64 CNY",
        "<0.01 CNY",
    ]


def test_every_card_has_a_source_and_a_day(request):
    folder = request.config.rootpath / "src/cloudner/hardware/planning"
    record = json.loads((folder / "accelerators.json").read_text(encoding="utf-8"))
    for row in (*record["cloud"], *record["others"]):
        assert date.fromisoformat(row.get("checked", record["checked"])) >= date(2026, 11, 24)
        assert len(row["source"]) > 20
    for row in accelerators()[9:]:
        assert "https://" in row["source"]
        assert row["memory_gib"] > 20
