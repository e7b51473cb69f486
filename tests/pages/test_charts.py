"""Charts and numbers of every page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from cloudner.pages.charts import Series, element, grouped_bars, line_chart, stacked_bars, ticks
from cloudner.pages.numbers import is_figure, number, share

EVIL = "</svg><script>alert(1)</script>\"'&"


def test_line_chart_leaves_out_what_is_not_finite_and_thins_long_runs():
    points = [(float(i), float(i % 7)) for i in range(5000)] + [
        (5000.0, float("nan")),
        (5001.0, float("inf")),
    ]
    svg, data = line_chart("Loss", [Series("loss", points)])
    shown = data["series"][0]["points"]
    assert 400 <= len(shown) <= 502
    assert shown[-1] == [4999.0, float(4999 % 7)]
    assert "nan" not in svg
    assert line_chart("Loss", [Series("loss", [(0.0, float("nan"))])]) == ("", {})
    assert "circle" in line_chart("Loss", [Series("loss", [(3.0, 2.0)])])[0]


def test_a_mark_stands_where_it_is_within_the_chart():
    series = [Series("a", [(0.0, 0.0), (10.0, 1.0)])]
    (mark,) = ET.fromstring(line_chart("t", series, mark=5)[0]).iterfind("line[@class='mark']")
    assert float(mark.get("x1")) == float(mark.get("x2")) == pytest.approx((58 + 546) / 2)
    assert "mark" not in line_chart("t", series, mark=11)[0]


def test_bars_are_as_long_as_their_values():
    svg = ET.fromstring(grouped_bars("t", {"A": [(0.5, "x"), (0.25, "y")], "B": [(0.0, "z")]}))
    widths = [float(bar.get("width")) for bar in svg.iterfind("rect")]
    assert widths == [380, 190, 0]
    svg = ET.fromstring(stacked_bars("t", {"A": [(1, "x"), (3, "y")], "B": [(0, "nothing")]}))
    bars = [(float(bar.get("x")), float(bar.get("width"))) for bar in svg.iterfind("rect")]
    assert bars == [(118, 105), (223, 315), (118, 0)]
    assert grouped_bars("t", {}) == stacked_bars("t", {}) == ""


@pytest.mark.parametrize(
    "svg",
    [
        line_chart(EVIL, [Series(EVIL, [(0.0, 1.0), (1.0, 2.0)])], x_label=EVIL, y_format=lambda y: EVIL)[0],
        grouped_bars(EVIL, {EVIL: [(1.0, EVIL)]}),
        stacked_bars(EVIL, {EVIL: [(1.0, EVIL)]}),
    ],
)
def test_text_in_charts_is_escaped(svg):
    names = {node.tag for node in ET.fromstring(svg).iter()}
    assert names <= {"svg", "line", "text", "polyline", "rect", "title"}
    assert isinstance(svg, Markup)


def test_elements():
    assert (
        element("line", class_="a", x1=1.25, stroke_width="2")
        == '<line class="a" x1="1.2" stroke-width="2"/>'
    )
    assert element("text", "<", x=1.0) == '<text x="1">&lt;</text>'


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 1e-5), (3, 3.2), (0, 123456), (-2, 5), (5, 5)])
def test_ticks_span_the_range_with_few_round_numbers(low, high):
    marks = ticks(low, high, 5)
    assert marks[0] <= low
    assert marks[-1] >= high or low == high
    assert len(marks) <= 8
    assert marks == sorted(set(marks))


def test_numbers():
    assert [number(v) for v in (0, 1234.4, 0.35, 5e-5, 12.5)] == ["0", "1,234", "0.35", "5e-05", "12.5"]
    assert (share(1, 8), share(1, 0)) == ("12.5 %", "-")
    assert [is_figure(t) for t in ("1,234", "12.5 %", "-", "7 (12.5 %)", "", "12 a", "a")] == [True] * 4 + [
        False
    ] * 3
