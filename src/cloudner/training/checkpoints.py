"""Checkpoints of a training: folders of safetensors and JSON, on a disk or in an object store.

    step-00000240/
      tensors.safetensors    weights, the optimizer's state, random numbers of torch
      loop.json              the loop, the place in the data, counters
      state.json             written last: sizes and SHA-256 of the others, and what the training was asked

A checkpoint without a complete `state.json`, or with a file that does not match it, does not count. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from cloudner.atomic import beside, remove_leftovers
from cloudner.errors import InputError
from cloudner.json_files import object_of

logger = logging.getLogger("cloudner")

STATE, TENSORS, LOOP = "state.json", "tensors.safetensors", "loop.json"
_PARTS = (TENSORS, LOOP)


class Checkpoints:
    """The checkpoints below a folder or an address that fsspec knows (s3://..., gs://..., memory://...).

    keep: how many are kept; an old one is deleted only when a new one is complete. `write` returns at once and a thread
    writes; an error there costs the checkpoint, with a warning.
    """

    def __init__(self, where: str | Path, keep: int = 2) -> None:
        self.where, self.keep = str(where), max(1, keep)
        self.best: dict[str, Any] | None = None  # the best pipeline beside them, see `cloudner.training.best`
        self._writer: threading.Thread | None = None

    @property
    def remote(self) -> bool:
        return "://" in self.where

    def write(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        loop: dict[str, Any],
        asked: dict[str, Any],
        store: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """Write a checkpoint in a thread. `tensors` must not be changed afterwards. Waits for the previous checkpoint if it
        is still being written. store: called first in the thread; stores the best pipeline and describes it."""
        self.wait()
        self._writer = threading.Thread(
            target=self._write, args=(step, tensors, loop, asked, store), name="cloudner-checkpoint"
        )
        self._writer.start()

    def wait(self) -> None:
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def _write(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        loop: dict[str, Any],
        asked: dict[str, Any],
        store: Callable[[], dict[str, Any]] | None,
    ) -> None:
        try:
            if store is not None:
                self.best = store()
            if self.best is not None:
                loop = {**loop, "best": self.best}
            if self.remote:
                with tempfile.TemporaryDirectory() as folder:
                    _fill(Path(folder), step, tensors, loop, asked)
                    self._upload(Path(folder), _name(step))
            else:
                root = Path(self.where)
                root.mkdir(parents=True, exist_ok=True)
                aside = beside(root / _name(step))
                aside.mkdir()
                try:
                    _fill(aside, step, tensors, loop, asked)
                    target = root / _name(step)
                    shutil.rmtree(target, ignore_errors=True)
                    aside.rename(target)
                    _sync(root)
                finally:
                    shutil.rmtree(aside, ignore_errors=True)
            self._prune()
        except Exception as error:
            logger.warning("No checkpoint at step %d: %s: %s", step, type(error).__name__, error)

    def steps(self, kind: str = "step-") -> list[int]:
        """The steps of all checkpoints, complete or not, the newest first; with "best-" those of the best pipelines."""
        if self.remote:
            filesystem, root = self.filesystem()
            try:
                names = [
                    str(path).rstrip("/").rpartition("/")[2] for path in filesystem.ls(root, detail=False)
                ]
            except FileNotFoundError:
                return []
        else:
            root_path = Path(self.where)
            names = [path.name for path in root_path.iterdir()] if root_path.is_dir() else []
        found = [int(name[5:]) for name in names if name.startswith(kind) and name[5:].isdigit()]
        return sorted(found, reverse=True)

    def newest(self) -> Saved | None:
        """The newest complete checkpoint; incomplete ones are passed over with a warning."""
        for step in self.steps():
            try:
                return self.read(step)
            except (OSError, ValueError, KeyError) as error:
                logger.warning("The checkpoint of step %d is passed over: %s", step, error)
        return None

    def read(self, step: int) -> Saved:
        """The checkpoint of this step. Raises OSError, ValueError or KeyError where it is not complete."""
        if not self.remote:
            return _read(Path(self.where) / _name(step), step, self.where)
        filesystem, root = self.filesystem()
        with tempfile.TemporaryDirectory() as folder:
            for name in (STATE, *_PARTS):
                filesystem.get_file(f"{root}/{_name(step)}/{name}", str(Path(folder) / name))
            return _read(Path(folder), step, self.where)

    def begin(self, after: int) -> None:
        """Delete what lies beyond the step `after` (-1: all): of a training that does not go on, or not from there; and what a
        process that was killed had begun to write."""
        for path in self._unfinished():
            remove_leftovers(path.with_name(path.name[1:].rsplit(".", 2)[0]))
        for kind in ("step-", "best-"):
            for step in self.steps(kind):
                if step > after:
                    self._remove(step, kind)

    def remove(self) -> None:
        """Delete all checkpoints, at the end of a training."""
        self.wait()
        self.begin(-1)
        for path in self._unfinished():  # of a process on another machine, whose number says nothing here
            shutil.rmtree(path, ignore_errors=True)
        if not self.remote and Path(self.where).is_dir() and not any(Path(self.where).iterdir()):
            Path(self.where).rmdir()

    def _unfinished(self) -> list[Path]:
        """Checkpoints that were never put in their place."""
        return [] if self.remote else list(Path(self.where).glob(".*-[0-9]*.tmp"))

    def _prune(self) -> None:
        for step in self.steps()[self.keep :]:
            self._remove(step)

    def _remove(self, step: int, kind: str = "step-") -> None:
        if self.remote:
            filesystem, root = self.filesystem()
            filesystem.rm(f"{root}/{_name(step, kind)}", recursive=True)
        else:
            shutil.rmtree(Path(self.where) / _name(step, kind), ignore_errors=True)

    def _upload(self, folder: Path, name: str) -> None:
        filesystem, root = self.filesystem()
        filesystem.makedirs(f"{root}/{name}", exist_ok=True)
        for part in (*_PARTS, STATE):  # the state last: it says that the others are there
            filesystem.put_file(str(folder / part), f"{root}/{name}/{part}")

    def filesystem(self) -> tuple[Any, str]:
        """fsspec's, and the path in it; nothing of what it has listed before is believed."""
        from fsspec.core import url_to_fs

        filesystem, root = url_to_fs(self.where)
        filesystem.invalidate_cache()
        return filesystem, root.rstrip("/")


class Saved:
    """A complete checkpoint. step: the last one taken. asked: what the training was asked for. where: what it is below."""

    def __init__(
        self,
        step: int,
        tensors: dict[str, torch.Tensor],
        loop: dict[str, Any],
        asked: dict[str, Any],
        where: str = "",
    ) -> None:
        self.step, self.tensors, self.loop, self.asked, self.where = step, tensors, loop, asked, where


def open_checkpoint(where: str) -> Saved:
    """A checkpoint named by its own folder or address, or the newest below one. Raises InputError."""
    parent, _, name = where.rstrip("/").rpartition("/")
    if name.startswith("step-") and name[5:].isdigit():
        try:
            return Checkpoints(parent or ".").read(int(name[5:]))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"no whole checkpoint: {error}", file=where) from error
    found = Checkpoints(where).newest()
    if found is None:
        raise InputError(
            "there is no checkpoint", file=where, expected="a folder with step-... folders in it"
        )
    return found


def _name(step: int, kind: str = "step-") -> str:
    return f"{kind}{step:08d}"


def _fill(
    folder: Path, step: int, tensors: dict[str, torch.Tensor], loop: dict[str, Any], asked: dict[str, Any]
) -> None:
    from safetensors.torch import save_file

    save_file(tensors, str(folder / TENSORS))
    (folder / LOOP).write_text(json.dumps(loop), encoding="utf8")
    files = {}
    for name in _PARTS:
        _sync(folder / name)
        files[name] = {"size": (folder / name).stat().st_size, "sha256": digest(folder / name)}
    text = json.dumps({"format": 1, "step": step, "asked": asked, "files": files}, indent=1)
    (folder / STATE).write_text(text, encoding="utf8")
    _sync(folder / STATE)
    _sync(folder)


def _read(folder: Path, step: int, where: str) -> Saved:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    state = object_of(folder / STATE)
    if not isinstance(state.get("files"), dict) or not isinstance(state.get("asked"), dict):
        raise ValueError(f"{STATE} is damaged")
    if state["format"] != 1 or state["step"] != step:
        raise ValueError("its state.json is another's")
    for name in _PARTS:
        known = state["files"][name]
        if not isinstance(known, dict):
            raise ValueError(f"{STATE} is damaged")
        if (folder / name).stat().st_size != known["size"] or digest(folder / name) != known["sha256"]:
            raise ValueError(f"{name} is not what state.json says")
    try:
        tensors = load_file(str(folder / TENSORS))
    except SafetensorError as error:
        raise ValueError(f"{TENSORS}: {error}") from error
    loop = object_of(folder / LOOP)
    return Saved(step, tensors, loop, state["asked"], where)


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    """To the disk, so that what is renamed next is there after a power cut too. Windows opens no folders."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
