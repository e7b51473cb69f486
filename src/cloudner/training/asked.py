"""A record of what a training was asked for, to compare with that of a checkpoint."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cloudner.atomic import take_back

# Of a file beyond this size only the ends, the length and the time are looked at.
_WHOLE = 1 << 30
_END = 1 << 20


def what_is_asked(
    config_path: str | Path, overrides: dict[str, Any], encoder: str | None, plain: Any
) -> dict[str, Any]:
    """JSON: the config as it was before anything "auto" was decided, the overrides, and the bytes of the corpora, of what else
    [paths] and [initialize] name, of the pipelines that components are taken from, and of the encoders. plain: the config,
    interpolated."""
    sources = {
        name: {"source": component.get("source")}
        for name, component in plain.get("components", {}).items()
        if isinstance(component, dict)
    }
    sections = {name: plain.get(name, {}) for name in ("corpora", "paths", "initialize")}
    named = {
        f"{section}.{key}": value
        for section, values in {**sections, "components": sources}.items()
        for key, value in _paths(values)
    }
    known = {value: fingerprint(value) for value in set(named.values())}
    corpora = {name: known[value] for name, value in named.items()}
    encoders = {}
    for name, component in plain.get("components", {}).items():
        model = component.get("model", {}) if isinstance(component, dict) else {}
        if isinstance(model, dict) and isinstance(model.get("encoder"), str):
            encoders[name] = _encoder(encoder or model["encoder"])
    return {
        "config": hashlib.sha256(Path(config_path).read_bytes()).hexdigest(),
        "overrides": as_json(overrides),
        "encoder": encoder,
        "corpora": corpora,
        "encoders": encoders,
    }


def as_json(values: dict[str, Any]) -> dict[str, Any]:
    """As they are once they have been through a file."""
    return dict(json.loads(json.dumps(values, default=str)))


def differences(asked: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What differs from before, in words; empty where nothing does."""
    found = []
    if asked["config"] != before.get("config"):
        found.append("the config")
    for key in sorted({*asked["overrides"], *before.get("overrides", {})}):
        if asked["overrides"].get(key) != before.get("overrides", {}).get(key):
            found.append(f"--{key}")
    if asked["encoder"] != before.get("encoder"):
        found.append("--encoder")
    for part, words in (("corpora", "the data of"), ("encoders", "the encoder's files of")):
        for key in sorted({*asked[part], *before.get(part, {})}):
            if asked[part].get(key) != before.get(part, {}).get(key):
                found.append(f"{words} {key}")
    return found


def fingerprint(path: str) -> str:
    """SHA-256 of a file, or of all files below a folder; of a URL, its text alone."""
    if "://" in path:
        return path
    place = Path(path)
    take_back(place)  # of a conversion that was killed between two renames
    if place.is_dir():
        files = sorted(p for p in place.rglob("*") if p.is_file())
        return hashlib.sha256("".join(fingerprint(str(p)) for p in files).encode()).hexdigest()
    if not place.is_file():
        return "missing"
    digest, size = hashlib.sha256(), place.stat().st_size
    with open(place, "rb") as file:
        if size <= _WHOLE:
            while block := file.read(_END):
                digest.update(block)
        else:
            digest.update(file.read(_END))
            file.seek(-_END, 2)
            digest.update(file.read(_END))
            digest.update(f"{size} {place.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def _paths(section: Any, prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for key, value in section.items():
        if isinstance(value, dict):
            found += _paths(value, f"{prefix}{key}.")
        elif (
            isinstance(value, str)
            and value
            and not key.startswith("@")
            and ("/" in value or Path(value).exists())
        ):
            found.append((f"{prefix}{key}", value))
    return found


def _encoder(name: str) -> str:
    from cloudner.encoders.folders import resolve_encoder

    folder = resolve_encoder(name)
    return fingerprint(folder) if Path(folder).is_dir() else name
