"""The Chinese pages: every layout that they show is read, and every message that they explain is in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("quickstart", "recipes", "hardware", "formats", "messages")
LAYOUT = re.compile(
    r"<!-- read as: (?P<name>[\w-]+) -->\n```text\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL
)
LAYOUTS = [
    (found["name"], found["text"])
    for found in LAYOUT.finditer((ROOT / "docs/zh/formats.md").read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("name", "text"), LAYOUTS, ids=[name for name, _ in LAYOUTS])
def test_a_layout_is_read_as_what_it_is_called(name: str, text: str, tmp_path: Path) -> None:
    import cloudner

    source = tmp_path / "layout.txt"
    source.write_text(text, encoding="utf-8")
    report = cloudner.convert(source, tmp_path / "layout.spacy", lang="zh")
    assert report.docs > 0
    assert report.entities > 0
    assert not report.issues, report.lines()
    assert report.lines()[0].split(": ")[1].split(" ")[0].rstrip(",") == name, report.lines()


def test_the_layouts_are_there() -> None:
    assert {"conll", "jsonl", "doccano", "cluener", "peoples-daily", "label-studio"} <= {
        name for name, _ in LAYOUTS
    }


def test_every_message_that_is_explained_is_in_the_code() -> None:
    """A heading quotes a message; "..." stands for what differs from case to case."""
    code = _joined(
        "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/cloudner").rglob("*.py"))
    )
    page = (ROOT / "docs/zh/messages.md").read_text(encoding="utf-8")
    messages = re.findall(r"^### .*?`(.+)`$", page, re.MULTILINE)
    assert len(messages) >= 20
    assert len(messages) == len(re.findall(r"^### ", page, re.MULTILINE))
    for message in messages:
        parts = [part.strip() for part in message.split("...") if part.strip()]
        assert max(map(len, parts)) > 8, message
        for part in parts:
            assert part in code, f"{message!r}: {part!r} is in no code"


def _joined(code: str) -> str:
    """Without the line breaks inside a text that is written as several literals."""
    return re.sub(r"\s+", " ", re.sub(r"[\"']\s*\n\s*f?[\"']", "", code))


def test_the_chinese_readme_leads_to_every_chinese_page() -> None:
    readme = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    assert sorted(PAGES) == sorted(path.stem for path in (ROOT / "docs/zh").glob("*.md"))
    for page in PAGES:
        assert f"](docs/zh/{page}.md)" in readme, page


def test_the_chinese_readme_has_every_command_in_its_table() -> None:
    from cloudner.cli import COMMANDS

    readme = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    table = readme.split("### 命令一览")[1].split("\n### ")[0]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == sorted(COMMANDS)


def test_the_table_of_cards_is_that_of_the_plan() -> None:
    from cloudner.hardware.planning.speed import accelerators

    page = (ROOT / "docs/zh/hardware.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(\S+)` \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    known = {row["name"]: row for row in accelerators()}
    assert len(told) == 5
    for name, *numbers in told:
        row = known[name]
        assert list(map(float, numbers)) == [row["memory_gib"], row["half"], row["fp32"], row["bandwidth"]], (
            name
        )
