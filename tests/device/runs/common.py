"""What every run needs."""

from __future__ import annotations

import json
import logging
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tiny
from device import stand_in
from device.runs import device

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

__all__ = ["device", "encoder", "entities", "run", "shim_of", "told"]

_folder = tempfile.TemporaryDirectory()
_made: dict[str, Path] = {}


def encoder(family: str, **settings: Any) -> Path:
    """The folder of a tiny encoder, made once for a process."""
    key = f"{family}{sorted(settings.items())}"
    if key not in _made:
        _made[key] = tiny.write_encoder(family, Path(_folder.name) / str(len(_made)), **settings)
    return _made[key]


def shim_of(nlp: Any) -> Any:
    return nlp.get_pipe("cloudner").model.shims[0]


def entities(docs: Sequence[Any]) -> list[list[list[Any]]]:
    """Of each document, as JSON gives them back."""
    return [[list(found) for found in tiny.ents(doc)] for doc in docs]


def told(waits: Sequence[stand_in.Wait]) -> list[dict[str, Any]]:
    return [{"kind": wait.kind, "frames": list(wait.frames)} for wait in waits]


def run(cases: dict[str, Callable[[], dict[str, Any]]]) -> None:
    """Each case after the other, in its own words: what it returns, or under "error" what it raised and where."""
    for name, case in cases.items():
        try:
            found = case()
        except Exception as error:
            found = {
                "error": f"{type(error).__name__}: {error}"[:600] + "\n" + traceback.format_exc()[-2500:]
            }
        print(json.dumps({"case": name, **found}), flush=True)
