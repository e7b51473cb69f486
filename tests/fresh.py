"""Fresh processes without the seconds that importing torch, spaCy and transformers takes: forks of a process that has
imported these and nothing of cloudner. Each ends as a process of its own does, and can be killed. Without fork, or with a
GPU, whose driver does not survive one, they are started as usual.

As a script it is that process. It answers a line of JSON with a line: what to start, or whom to wait for.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = str(Path(__file__).resolve().parent)


def environment() -> dict[str, str]:
    """With the same seed for all, sets, and so labels in files, have the same order."""
    return os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def hears_interrupts() -> None:
    """A process that a script runs in its background ignores SIGINT, and so would those that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


class Forked:
    """The part of `subprocess.Popen` that the tests use."""

    def __init__(self, fresh: Fresh, pid: int) -> None:
        self.fresh, self.pid, self.returncode = fresh, pid, None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.fresh.ask(poll=self.pid)
        return self.returncode

    def wait(self, timeout: float = 300) -> int:
        until = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError(f"still running after {timeout:g} s")
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Fresh:
    """`python -c CODE ...` and `python -m MODULE ...`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[str] | None = None

    def ask(self, **request: Any) -> Any:
        if self.server is None:
            self.server = subprocess.Popen(
                [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
            )  # fmt: skip
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        line = self.server.stdout.readline()
        assert line, "the process that forks has ended"
        return json.loads(line)

    @staticmethod
    def forks() -> bool:
        import torch

        return sys.platform == "linux" and not torch.cuda.is_available()

    def start(self, words: list[str], out: Path, err: Path, cwd: Path | None = None) -> Any:
        """A `Forked`, or a `Popen`. `words` are those after `python`; what it says is added to the files."""
        assert words[0] in ("-c", "-m")
        if self.forks():
            place = str(cwd or Path.cwd())
            pid = self.ask(words=words, out=str(out), err=str(err), cwd=place, env=dict(os.environ))
            return Forked(self, pid)
        with open(out, "a", encoding="utf8") as o, open(err, "a", encoding="utf8") as e:
            return subprocess.Popen(
                [sys.executable, *words], cwd=cwd, env=environment(), stdout=o, stderr=e, preexec_fn=hears_interrupts
            )  # fmt: skip

    def run(self, *words: object, cwd: Path | None = None) -> Done:
        """Once it has ended, within five minutes."""
        out, err = self.folder / "out", self.folder / "err"
        for path in (out, err):
            path.write_text("", encoding="utf8")
        code = self.start([str(word) for word in words], out, err, cwd).wait(timeout=300)
        return Done(code, out.read_text(encoding="utf8"), err.read_text(encoding="utf8"))

    def close(self) -> None:
        if self.server is not None:
            self.server.stdin.close()  # type: ignore[union-attr]
            self.server.wait(60)
            self.server.stdout.close()  # type: ignore[union-attr]


# -- the process that has imported them -----------------------------------------------------------------------------


def serve() -> dict[str, Any] | None:
    """What a fork of this process is to run; None in the process itself, when nobody asks any more."""
    while line := sys.stdin.readline():
        request = json.loads(line)
        if "poll" in request:
            pid, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                return request
        print(json.dumps(answer), flush=True)
    return None


def end_forks() -> None:
    """Nobody asks any more, maybe because pytest was killed: what still runs would run on, and what it has started."""
    import psutil

    for each in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


def become(request: dict[str, Any]) -> None:
    """This fork's files, folder, environment and arguments."""
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, request["out"], os.O_WRONLY), (2, request["err"], os.O_WRONLY)):  # fmt: skip
        opened = os.open(path, flags | (os.O_CREAT | os.O_APPEND if number else 0), 0o644)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf8", closefd=False)  # noqa: SIM115  as long as the process
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["words"]
    sys.path[:] = ["", *(path for path in sys.path if path != TESTS)]


def main() -> None:
    import runpy
    import types

    import safetensors.torch  # noqa: F401
    import spacy.cli  # noqa: F401
    import transformers.models.bert.modeling_bert  # noqa: F401
    from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast  # noqa: F401

    assert not [name for name in sys.modules if name.startswith("cloudner")]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    request = serve()
    if request is None:
        end_forks()
        return
    become(request)
    kind, what, *arguments = request["words"]
    sys.argv = [kind if kind == "-c" else what, *arguments]
    if kind == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        exec(compile(what, "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    main()
