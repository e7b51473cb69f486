"""Charts and numbers of every page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from markupsafe import Markup

from cloudner.pages.charts import Series, element, line_chart, ticks
from cloudner.pages.numbers import is_figure, number, scores, share, times
from cloudner.report.evaluation.scores import Average, Score

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
    assert float(mark.get("x1")) == float(mark.get("x2")) == pytest.approx((80 + 546) / 2)
    assert "mark" not in line_chart("t", series, mark=11)[0]
    named = ET.fromstring(line_chart("t", series, mark=9, mark_label="window")[0])
    (label,) = (node for node in named.iterfind("text") if node.text == "window")
    assert label.get("text-anchor") == "end"  # on the side that has room


def test_both_axes_say_what_they_count_and_nothing_leaves_the_chart():
    svg, data = line_chart("t", [Series("a", [(0, 0), (9, 1)])], x_label="steps", y_label="share of all")
    root = ET.fromstring(svg)
    texts = {node.text: node for node in root.iterfind("text")}
    assert {"steps", "share of all"} <= set(texts)
    top, highest = float(texts["share of all"].get("y")), data["plot"][2]
    assert top < highest  # the title stands above the plot
    height = float(root.get("viewBox").split()[3])
    assert all(0 <= float(node.get("y")) <= height for node in texts.values())
    assert "share" not in line_chart("t", [Series("a", [(0, 0), (9, 1)])], x_label="steps")[0]


def test_every_second_number_of_the_x_axis_can_give_way():
    root = ET.fromstring(line_chart("t", [Series("a", [(0, 0), (100, 1)])])[0])
    kinds = [node.get("class") for node in root.iterfind("text") if node.get("class") in ("major", "minor")]
    assert kinds == ["major", "minor"] * (len(kinds) // 2) + ["major"] * (len(kinds) % 2)
    assert len(kinds) > 5
    few = ET.fromstring(line_chart("t", [Series("a", [(0, 0), (360, 1)])])[0])
    assert {node.get("class") for node in few.iterfind("text")} == {None, "major", "axis"}


@pytest.mark.parametrize(
    "svg",
    [
        line_chart(
            EVIL,
            [Series(EVIL, [(0.0, 1.0), (1.0, 2.0)])],
            x_label=EVIL,
            y_label=EVIL,
            y_format=lambda y: EVIL,
            mark=0.5,
            mark_label=EVIL,
        )[0],
    ],
)
def test_text_in_charts_is_escaped(svg):
    names = {node.tag for node in ET.fromstring(svg).iter()}
    assert names <= {"svg", "line", "text", "polyline"}
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
    assert (share(1, 8), share(1, 0)) == ("12.5 %", "–")
    figures = ("1,234", "12.5 %", "-", "–", "7 (12.5 %)")
    assert [is_figure(t) for t in (*figures, "", "12 a", "a")] == [True] * 5 + [False] * 3
    assert [times(n) for n in (1, 2, 3, 1200)] == ["once", "twice", "3 times", "1,200 times"]


def test_what_has_nothing_to_be_a_share_of_is_a_dash():
    assert scores(Score(correct=1, predicted=2, gold=4)) == ("50.00", "25.00", "33.33")
    assert scores(Score(correct=0, predicted=2, gold=0)) == ("0.00", "–", "–")
    assert scores(Score(correct=0, predicted=0, gold=3)) == ("–", "0.00", "0.00")
    assert scores(Score()) == ("–", "–", "–")
    assert scores(Average(0.5, 0.25, 1 / 3, 8)) == ("50.00", "25.00", "33.33")
