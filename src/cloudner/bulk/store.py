"""The target's folder: on a disk, where a file is written aside and renamed, or in an object store, which has no rename
and takes each finished file in one upload."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from cloudner.atomic import replacing, told_in_one_line
from cloudner.errors import InputError


def open_address(url: str) -> tuple[Any, str]:
    """fsspec's file system and the path in it. Raises InputError where nothing opens such an address."""
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InputError(
            f"no way to open this address: {error}",
            file=url,
            fix='pip install "cloudner[cloud]" (s3://, gs://, https://)',
        ) from error
    return filesystem, str(path)


def is_local(filesystem: Any) -> bool:
    from fsspec.implementations.local import LocalFileSystem

    return isinstance(filesystem, LocalFileSystem)


class Store:
    """Files by name below one address. Names may have one folder in them. Raises InputError for what a store refuses."""

    def __init__(self, url: str) -> None:
        self.filesystem, root = open_address(url)
        self.local = is_local(self.filesystem)
        self.root = root.rstrip("/") or "/"
        # What other processes, perhaps with another working directory, open it by.
        self.url = self.root if self.local else url.rstrip("/")
        # One process's own memory: what another writes there is lost.
        self.private = "memory" in str(getattr(self.filesystem, "protocol", ""))

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """Turns what a store raises into one error. Every store has its own exceptions."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            text = (str(error) or type(error).__name__).splitlines()[0]
            raise InputError(
                f"the target cannot be used: {text}",
                file=f"{self.url}/{name}",
                expected="a folder or bucket that this user may read and write",
                fix="check the address, the room that is left and your credentials",
            ) from error

    def read(self, name: str) -> bytes | None:
        """The file's bytes, None where there is none."""
        with self._told(name):
            try:
                return bytes(self.filesystem.cat_file(self.path(name)))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def open(self, name: str) -> IO[bytes]:
        """For reading, seekable. Raises FileNotFoundError."""
        return cast(IO[bytes], self.filesystem.open(self.path(name), "rb"))

    def names(self) -> dict[str, int]:
        """Every file at any depth by its name below the address, with its size in bytes."""
        with self._told(""):
            self.filesystem.invalidate_cache()
            if not self.filesystem.exists(self.root):
                return {}
            if self.filesystem.isfile(self.root):
                raise InputError(
                    "the target is a file", file=self.url, expected="a folder, new or of the same job"
                )
            found = self.filesystem.find(self.root, detail=True)
        prefix = self.filesystem._strip_protocol(self.root).rstrip("/") + "/"
        return {
            str(path).removeprefix(prefix).lstrip("/"): int(info.get("size") or 0)
            for path, info in found.items()
        }

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A file to write; at the end of the block it is in its place, whole. After an error nothing is."""
        if self.local:
            target = Path(self.path(name))
            with told_in_one_line(target):
                target.parent.mkdir(parents=True, exist_ok=True)
            with replacing(target) as aside:
                yield aside
                _sync(aside)
            return
        handle, text = tempfile.mkstemp(prefix="cloudner-")
        os.close(handle)
        try:
            with told_in_one_line(Path(text)):
                yield Path(text)
            with self._told(name):
                self.filesystem.put_file(text, self.path(name))
        finally:
            Path(text).unlink(missing_ok=True)

    def write(self, name: str, data: bytes) -> None:
        with self.writing(name) as path:
            path.write_bytes(data)

    def remove(self, name: str) -> None:
        """The file, if it is there."""
        with self._told(name), contextlib.suppress(FileNotFoundError):
            self.filesystem.rm_file(self.path(name))


def _sync(path: Path) -> None:
    """To the disk: what is renamed next is then whole after a power cut too."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
