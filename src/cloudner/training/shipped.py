"""Which file a training config is: one of those in the package by its name, a file, or a mapping written to one."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from cloudner.atomic import write_text
from cloudner.errors import InputError, path_of

ConfigLike = str | Path | Mapping[str, Any]


def shipped_configs() -> dict[str, Path]:
    """The configs of the package by name: cpu, gpu, gpu-large, recipe, shared, spans, zh-cpu, zh-gpu."""
    folder = Path(str(files("cloudner.training") / "configs"))
    return {path.stem: path for path in sorted(folder.glob("*.cfg"))}


def config_file(config: ConfigLike, output: Path) -> Path:
    """The file of a config. A file that is there comes before a name; configs/NAME.cfg, as the documentation has it, is the
    package's where there is no such file. A mapping, such as spaCy's `Config`, is written to `output`/asked.cfg. Raises InputError
    where there is neither."""
    if isinstance(config, Mapping):
        from thinc.api import Config

        path = output / "asked.cfg"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, Config(dict(config)).to_str(interpolate=False))
        return path
    path = path_of(config, "a config")
    if path.is_file():
        return path
    known = shipped_configs()
    name = path.stem if path == Path("configs", f"{path.stem}.cfg") else str(config)
    if name in known:
        return known[name]
    near = get_close_matches(path.stem, known, n=1)
    raise InputError(
        "no such config",
        file=str(config),
        expected=f"a file, or one of {', '.join(known)}",
        fix=near[0] if near else "configs/cpu.cfg, or cpu",
    )
