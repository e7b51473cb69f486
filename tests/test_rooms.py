"""Names and loading: what is exported is callable whatever was imported before, and nothing is loaded before its use."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import cloudner
import cloudner.hardware

# Modules of planning that `recommend` and `time_training` need: not for a prediction either.
ASKED_LATER = ("cloudner.hardware.planning", "cloudner.hardware.doctor", "cloudner.report")

EVERY_SUBMODULE = """
import importlib, pkgutil
import cloudner
for info in pkgutil.walk_packages(cloudner.__path__, "cloudner."):
    try:
        importlib.import_module(info.name)
    except ImportError as error:
        if str(error.name or "").startswith("cloudner"):
            raise
for room in (cloudner, importlib.import_module("cloudner.hardware")):
    for name in room.__all__:
        assert callable(getattr(room, name)), f"{room.__name__}.{name} is {getattr(room, name)!r}"
print("callable")
"""

FIRST_PREDICTION = """
import sys
from pathlib import Path
import spacy
nlp = spacy.load(sys.argv[1])
doc = nlp("Angela Merkel met Apple in Warsaw")
assert doc.ents
print(*sorted(name for name in sys.modules if name.startswith("cloudner.")))
"""


def test_public_names_are_callable_once_every_submodule_is_imported(fresh):
    """A module of a function's name would take its place in the package."""
    done = fresh.run("-c", EVERY_SUBMODULE)
    assert (done.returncode, done.stdout.split()) == (0, ["callable"]), done.stderr[-2000:]


@pytest.mark.parametrize("room", [cloudner, cloudner.hardware])
def test_no_submodule_has_the_name_of_something_exported(room):
    assert not {info.name for info in pkgutil.iter_modules(room.__path__)} & set(room.__all__)


def test_lazy_names_of_hardware():
    room = importlib.import_module("cloudner.hardware")
    assert set(room.__all__) == set(room._HOME_OF) == set(dir(room))
    for name, home in room._HOME_OF.items():
        assert getattr(room, name).__module__ == home
    with pytest.raises(AttributeError, match="no_such_name"):
        room.no_such_name  # noqa: B018


def test_a_first_prediction_loads_no_plan_and_no_report(fresh, trained_folder):
    done = fresh.run("-c", FIRST_PREDICTION, trained_folder)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = done.stdout.split()
    assert "cloudner.component" in loaded
    assert not [name for name in loaded if name.startswith(ASKED_LATER)]


# Folders of a room from the ground up; those of one line know nothing of each other. Files beside them stand above.
FOLDERS = {
    "hardware": [{"machine"}, {"doctor", "planning"}],
    "report": [{"evaluation", "loggers"}, {"render"}],
}


@pytest.mark.parametrize("room", FOLDERS)
def test_folders_of_a_room_import_one_way(room):
    level = {name: i for i, names in enumerate(FOLDERS[room]) for name in names}
    root = Path(cloudner.__file__).parent / room
    assert level.keys() == {path.parent.name for path in root.glob("*/__init__.py")}
    for own in level:
        for path in (root / own).glob("*.py"):
            text = path.read_text(encoding="utf8")
            for other in re.findall(rf"(?:from|import) cloudner\.{room}\.(\w+)", text):
                assert other == own or level.get(other, len(level)) < level[own], (
                    f"{path.name} imports {other}"
                )
