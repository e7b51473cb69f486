"""Written whole or not at all: kills, full disks, permissions, leftovers."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import cloudner
import tiny
from cloudner import atomic
from cloudner.corpus.files.sources import open_sources
from cloudner.errors import InputError


def fill(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "00000.spacy").write_text(text)
    return folder


def held(path: Path) -> str:
    return (path / "00000.spacy" if path.is_dir() else path).read_text()


# -- files --------------------------------------------------------------------------------------------------------


def test_text_and_json(tmp_path):
    atomic.write_text(tmp_path / "a", "Zürich \ud800")
    assert (tmp_path / "a").read_text(encoding="utf8") == "Zürich ?"
    atomic.write_json(tmp_path / "b", {3: float("inf"), "x": [float("nan"), 10**30, None, True], "y": {1}})
    assert json.loads((tmp_path / "b").read_text()) == {"3": None, "x": [None, 10**30, None, True], "y": [1]}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]


def test_an_error_leaves_what_was_there(tmp_path):
    atomic.write_text(tmp_path / "a", "old")

    def write():
        with atomic.replacing(tmp_path / "a") as aside:
            aside.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "old")]


def test_a_full_disk_is_one_error_and_the_old_file_stays(tmp_path):
    """A limit of the file size stands for the disk: the write fails half-way."""
    atomic.write_text(tmp_path / "report.html", "old")
    code = "import sys, signal, resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\nfrom cloudner.atomic import write_text\nwrite_text(sys.argv[1], 'x' * 10_000)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "report.html"], capture_output=True, text=True, check=False)  # fmt: skip
    assert "InputError" in done.stderr.splitlines()[-1]
    assert "cannot be written: File too large" in done.stderr.splitlines()[-1]
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("report.html", "old")]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_what_stands_in_the_way_is_no_want_of_room(tmp_path):
    """A file where a folder was to be got "a place with room; try: df -h"."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError) as told:
            atomic.make_folder(folder)
        assert (told.value.expected, told.value.fix) == ("a name that is free", "another output")
    copied = shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")] * 3)
    with pytest.raises(InputError) as told, atomic.told_in_one_line(tmp_path):
        raise copied  # it gave the list of all files
    assert str(told.value).count("No space left") == 1
    assert told.value.fix == "another output, or df -h"
    read_only = atomic.not_written(OSError(errno.EROFS, "Read-only file system"), tmp_path)
    assert read_only.expected == "a folder that this user may write to"


def test_permissions_are_those_of_any_new_file(trained, tmp_path):
    """safetensors gives a file to its owner alone: trained as root, no other user could load it."""
    before = os.umask(0o022)
    try:
        trained.to_disk(tmp_path / "pipeline")
        for path in (tmp_path / "pipeline").rglob("*"):
            if path.is_file():
                assert stat.S_IMODE(path.stat().st_mode) == 0o644, path
        os.umask(0o077)
        trained.to_disk(tmp_path / "private")
        weights = tmp_path / "private" / "cloudner" / "model" / "model.safetensors"
        assert stat.S_IMODE(weights.stat().st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may become another user"
)
@pytest.mark.parametrize(
    "forbidden", ["cloudner/model/model.safetensors", "cloudner/model", "config.cfg", "."]
)
def test_what_may_not_be_read_is_told_as_that(forbidden, trained):
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        folder = Path(root) / "pipeline"
        trained.to_disk(folder)
        (folder / forbidden).chmod(0o600)
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            try:
                cloudner.load(folder, device="cpu")
                os._exit(1)
            except InputError as error:
                os._exit(0 if "permission denied" in str(error) and "\n" not in str(error) else 2)
            except BaseException:
                os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_link_stays_one_and_a_device_is_written_to(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    atomic.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"
    atomic.write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_two_writers_of_one_file_never_share_what_they_write(tmp_path):
    """Processes of two containers may have one number, and threads have: each is given a file of its own."""
    with atomic.replacing(tmp_path / "a") as first:
        first.write_text("the first's, whole")
        with atomic.replacing(tmp_path / "a") as second:
            assert second != first
            second.write_text("the second's")
        assert (tmp_path / "a").read_text() == "the second's"
        assert first.read_text() == "the first's, whole"
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a", "the first's, whole")]


def test_what_stands_beside_is_never_written_over(tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("another's")
    monkeypatch.setattr(atomic, "beside", lambda path: tmp_path / "taken")
    with pytest.raises(InputError, match="cannot be written: File exists"):
        atomic.write_text(tmp_path / "a", "x")
    assert (tmp_path / "taken").read_text() == "another's"


def left(path: Path, process: int, host: str | None = None, *, hours: float = 0.0) -> Path:
    """What a process has left beside `path`, last changed so many hours ago."""
    name = atomic.beside(path).name.replace(f"-{os.getpid()}-", f"-{process}-")
    aside = path.with_name(name if host is None else re.sub(r"\.[0-9a-f]{8}-", f".{host}-", name))
    aside.write_text("half")
    changed = time.time() - 3600 * hours
    os.utime(aside, (changed, changed))
    return aside


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path, began = tmp_path / "a", 24 * 365 * 50.0
    gone = [
        left(path, dead.pid),
        left(path, os.getppid(), hours=began),  # the number has been given again
        left(path, os.getpid(), hours=began),  # a container's first process is always 1
        left(path, os.getppid(), "0123abcd", hours=25),  # of another host
        tmp_path / f".a.{os.getppid()}.tmp",  # of a version that did not say which host
    ]
    gone[-1].write_text("half")
    os.utime(gone[-1], (1, 1))
    folder = fill(tmp_path / left(path, dead.pid + 10**7).name.replace(".tmp", "f.tmp"), "not a name of ours")
    stay = [
        left(path, os.getppid()),
        left(path, os.getpid()),
        left(path, dead.pid, "0123abcd"),
        left(path, dead.pid, "0123abcd", hours=23),
        left(tmp_path / "b", dead.pid),  # another file's
        folder,
    ]
    atomic.write_text(path, "whole")
    assert {p.name for p in tmp_path.iterdir()} == {"a", *(p.name for p in stay)}


def test_a_folder_that_is_still_written_into_stays(tmp_path):
    aside = left(tmp_path / "a", 1, "0123abcd", hours=30)
    aside.unlink()
    fill(aside, "half")
    os.utime(aside, (1, 1))
    atomic.remove_leftovers(tmp_path / "a")
    assert aside.exists()
    os.utime(aside / "00000.spacy", (1, 1))
    os.utime(aside, (1, 1))
    atomic.remove_leftovers(tmp_path / "a")
    assert not aside.exists()


# -- folders ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", [True, False])
@pytest.mark.parametrize("old", ["folder", "file", None])
@pytest.mark.parametrize("new", ["folder", "file"])
def test_whatever_stood_there_is_replaced(exchange, old, new, tmp_path, monkeypatch):
    if not exchange:
        monkeypatch.setattr(atomic, "exchange", lambda one, other: False)
    for name, kind in (("target", old), ("aside", new)):
        if kind == "folder":
            fill(tmp_path / name, name)
        elif kind == "file":
            (tmp_path / name).write_text(name)
    atomic.put_in_place(tmp_path / "aside", tmp_path / "target")
    assert held(tmp_path / "target") == "aside"
    assert [p.name for p in tmp_path.iterdir()] == ["target"]


def test_two_folders_change_places_in_one_step(tmp_path):
    fill(tmp_path / "one", "1")
    fill(tmp_path / "other", "2")
    if not atomic.exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this system or file system cannot")
    assert (held(tmp_path / "one"), held(tmp_path / "other")) == ("2", "1")
    assert not atomic.exchange(tmp_path / "one", tmp_path / "nowhere")


KILLED = """
import os, sys
from pathlib import Path
from cloudner import atomic
atomic.exchange = lambda one, other: False
first = os.rename
def rename(*names):
    first(*names)
    os._exit(9)
os.rename = rename
atomic.put_in_place(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def killed_between_renames(aside: Path, target: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, aside, target], check=False)
    assert done.returncode == 9
    assert not target.exists()


def test_a_kill_between_two_renames_loses_no_corpus(tmp_path):
    target = fill(tmp_path / "train.spacy", "old")
    killed_between_renames(fill(tmp_path / "aside", "new"), target)
    assert [source.base_name for source in open_sources(target)] == ["00000.spacy"]
    assert held(target) == "old"
    killed_between_renames(tmp_path / "aside", target)
    atomic.put_in_place(fill(tmp_path / "newer", "newer"), target)
    assert held(target) == "newer"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["aside", "train.spacy"]


def test_a_kill_between_two_renames_loses_no_pipeline(trained, tmp_path):
    target = tmp_path / "training" / "model-best"
    target.parent.mkdir()
    trained.to_disk(target)
    trained.to_disk(target.with_name("aside"))
    killed_between_renames(tmp_path / "training" / "aside", target)
    for asked in (tmp_path, tmp_path / "training", target):
        assert cloudner.load(asked, device="cpu")(tiny.DATA[0][0]).ents
    assert target.is_dir()
