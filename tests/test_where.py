"""The table "Where is ...?" of docs/architecture.md leads where it says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cloudner

SOURCE = Path(cloudner.__file__).parent
PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"


def rows() -> list[tuple[str, str, str]]:
    """(question, path below src/cloudner, name or "-")"""
    _, _, text = PAGE.read_text(encoding="utf8").partition("## Where is ...?")
    text = text.partition("\n## ")[0]
    return [
        (cells[0], cells[1].strip("`"), cells[2].strip("`"))
        for line in text.splitlines()
        if line.startswith("| ") and not re.match(r"\| (where is|---)", line)
        for cells in [[cell.strip() for cell in line.strip("|").split("|")]]
    ]


def names_in(path: Path) -> set[str]:
    """Functions, classes, `Class.method` and constants that a file defines at its top level."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {node.name} | {
                f"{node.name}.{m.name}" for m in node.body if isinstance(m, ast.FunctionDef)
            }
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize(("question", "path", "name"), rows())
def test_it_is_there(question: str, path: str, name: str) -> None:
    assert (SOURCE / path).is_file(), f"{question}: there is no {path}"
    if name == "-":
        assert not path.endswith(".py"), f"{question}: name what in {path} it is"
    else:
        assert name in names_in(SOURCE / path), f"{question}: {path} defines no {name}"


def test_there_are_enough_and_no_question_comes_twice() -> None:
    questions = [question for question, _, _ in rows()]
    assert len(questions) >= 40
    assert len(set(questions)) == len(questions)


def test_every_room_is_on_the_plan() -> None:
    """Each folder and module directly under the package, and each module of a room whose modules are listed."""
    text = PAGE.read_text(encoding="utf8").partition("## The rooms")[2].partition("## Where is ...?")[0]
    plans = dict(re.findall(r"^src/cloudner/(\w*)/?\n((?:  .+\n)+)", text, re.MULTILINE))
    assert {
        "",
        "bulk",
        "encoders",
        "pages",
        "pieces",
        "corpus",
        "folds",
        "hardware",
        "model",
        "report",
        "reviewing",
        "studies",
        "training",
    } == set(plans)
    for room, plan in plans.items():
        listed = set(re.findall(r"^  (\w+/|\w+\.py) ", plan, re.MULTILINE))
        there = {
            p.name if p.is_file() else f"{p.name}/"
            for p in (SOURCE / room).iterdir()
            if p.suffix == ".py" or (p / "__init__.py").exists()
        }
        assert listed - {"__init__.py"} == there - {"__init__.py"}, room or "src/cloudner"
