"""What made a pipeline, for whoever wants it again: versions, seed, data, config, commit."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = (
    "cloudner",
    "spacy",
    "thinc",
    "torch",
    "transformers",
    "tokenizers",
    "spacy-transformers",
    "numpy",
)


def provenance(asked: dict[str, Any], config: Any) -> dict[str, Any]:
    """JSON: `versions`, `seed`, `data` and `config` (SHA-256 of the corpora and of the config file), `overrides`, and
    `commit` of the working directory's repository, with a + where files of it have been changed; None without one."""
    return {
        "versions": {"python": platform.python_version(), **_versions()},
        "seed": config.interpolate().get("training", {}).get("seed"),
        "data": asked["corpora"],
        "config": asked["config"],
        "overrides": asked["overrides"],
        "commit": _commit(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    try:
        head = _git("rev-parse", "HEAD")
        return f"{head}+" if _git("status", "--porcelain", "--untracked-files=no") else head
    except (OSError, subprocess.SubprocessError):  # no git, or no repository
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
