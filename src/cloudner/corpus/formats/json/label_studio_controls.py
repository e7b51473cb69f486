"""The controls of a Label Studio interface that labels come from: several may be on one text, entities and parts of speech."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudner.errors import InputError


def control(result: Any) -> str | None:
    """The control that a result comes from."""
    name = result.get("from_name") if isinstance(result, Mapping) else None
    return name if isinstance(name, str) else None


class Controls:
    """The controls seen in a file. wanted: the one that is read; None for all."""

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._on: dict[Any, list[str]] = {}  # by the object that they are on
        self._told: set[Any] = set()

    def notes(self, regions: Iterable[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
        """What to note of a task's regions: that those of several controls on a text are read together, told once."""
        found = []
        for region in regions:
            on, name = region.get("to_name"), control(region)
            names = self._on.setdefault(on, [])
            if name is not None and name not in names:
                names.append(name)
            if self._wanted is None and len(names) > 1 and on not in self._told:
                self._told.add(on)
                done = f"labels of the controls {' and '.join(map(repr, names))} are read together"
                found.append(("unsupported", "noted", f"{done}; --entities-column {names[0]} reads one"))
        return found

    def check(self, file: str) -> None:
        """Raises InputError where there are labels and none of the control that is wanted."""
        seen = [name for names in self._on.values() for name in names]
        if self._wanted is not None and seen and self._wanted not in seen:
            raise InputError(
                f"no labels of the control {self._wanted!r}",
                file=file,
                expected="one of " + ", ".join(dict.fromkeys(map(repr, seen))),
                fix=f"--entities-column {seen[0]}",
            )
