"""Which versions are installed, read from package metadata without importing anything heavy."""

from __future__ import annotations

import re
from importlib import metadata, util
from pathlib import Path

PACKAGES = (
    "torch",
    "thinc",
    "spacy",
    "transformers",
    "tokenizers",
    "spacy-transformers",
    "numpy",
    "cloudner",
)
_CUPY = re.compile(r"^cupy(-cuda(\d+)x?|-rocm[\d-]+)?$", re.IGNORECASE)


def versions() -> dict[str, str]:
    """Installed version of each of PACKAGES; a missing one has no key."""
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return installed


def cupy_packages() -> tuple[tuple[str, ...], int | None]:
    """Every installed cupy distribution as "name version", and the CUDA major of the only one.

    Two at once overwrite each other's files, which pip allows. `cupy` itself is built from source for whatever
    CUDA was there, so its CUDA major is unknown here (None).
    """
    installed: dict[str, int | None] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"] or ""
        match = _CUPY.match(name)
        if match:
            digits = match.group(2)
            # cupy-cuda12x is CUDA 12; cupy-cuda117 is CUDA 11.7
            installed[f"{name} {distribution.version}"] = int(digits[:2]) if digits else None
    majors = list(installed.values())
    return tuple(sorted(installed)), majors[0] if len(majors) == 1 else None


def torch_build() -> tuple[str | None, str | None]:
    """(CUDA, HIP) that the installed torch was built for, read from its version file without importing it."""
    spec = util.find_spec("torch")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None:
        return None, None
    try:
        text = (folder / "version.py").read_text(encoding="utf-8")
    except OSError:
        return None, None
    built = dict(re.findall(r"^(cuda|hip)\b[^=]*=\s*['\"]([^'\"]+)['\"]", text, re.MULTILINE))
    return built.get("cuda"), built.get("hip")


def transformers_wanted() -> str | None:
    """The versions of transformers that the installed spacy-transformers accepts, such as ">=3.4.0,<4.53.3"."""
    try:
        requirements = metadata.requires("spacy-transformers") or []
    except metadata.PackageNotFoundError:
        return None
    for requirement in requirements:
        match = re.match(r"^transformers\b(?!-)(?:\[[^]]*\])?\s*\(?([^;)]*)", requirement)
        if match:
            return match.group(1).replace(" ", "") or None
    return None
