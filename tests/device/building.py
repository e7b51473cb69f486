"""Compiles the device, once for a version of torch and of its source, into a cache folder."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = ("cuda_on_cpu.cpp", "device_state.h")
LIBRARY = "cuda_on_cpu.so"


def missing() -> str | None:
    """Why the device cannot be made here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "the stand-in for a CUDA device is made for Linux"
    if shutil.which("g++") is None:
        return "the stand-in for a CUDA device is compiled with g++, which is not installed"
    if (torch_folder() / "lib" / "libtorch_cuda.so").exists():
        return "this torch is built with CUDA, whose operators stand where the stand-in's would"
    return None


def cache_folder() -> Path:
    """$CLOUDNER_TEST_CACHE, else ~/.cache/cloudner-tests."""
    return Path(os.environ.get("CLOUDNER_TEST_CACHE") or Path.home() / ".cache" / "cloudner-tests")


def torch_folder() -> Path:
    """Where torch is installed, found without importing it."""
    spec = importlib.util.find_spec("torch")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time: test workers start together."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build() -> Path:
    """The compiled library (about ten seconds where it is not in the cache). Raises RuntimeError with the compiler's
    words."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:12]
    folder = cache_folder() / f"torch-{version('torch')}-{sys.implementation.cache_tag}-{digest}"
    with locked(folder.with_suffix(".lock")):
        if not (folder / LIBRARY).exists():
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f"{LIBRARY}.part"
            done = subprocess.run(_command(unfinished), capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the device does not compile:\n{done.stderr[-4000:]}")
            unfinished.rename(folder / LIBRARY)
    return folder / LIBRARY


def _command(target: Path) -> list[str]:
    torch = torch_folder()
    includes = [torch / "include", torch / "include/torch/csrc/api/include", sysconfig.get_paths()["include"]]
    major, minor = (int(part) for part in version("torch").split(".")[:2])
    standard = "-std=c++20" if (major, minor) >= (2, 9) else "-std=c++17"
    abi = 1 if (major, minor) >= (2, 6) or b"cxx11" in _compile_options(torch) else 0
    return [
        "g++", "-shared", "-fPIC", "-O1", "-w", standard, f"-D_GLIBCXX_USE_CXX11_ABI={abi}",
        *(f"-I{path}" for path in includes), str(HERE / SOURCES[0]), "-o", str(target),
        f"-L{torch / 'lib'}", "-lc10", "-ltorch_cpu", "-ltorch",
    ]  # fmt: skip


def _compile_options(torch: Path) -> bytes:
    """What torch's CMake files say: wheels before 2.6 differ in the ABI of std::string."""
    path = torch / "share/cmake/Torch/TorchConfig.cmake"
    text = path.read_bytes() if path.exists() else b""
    return b"cxx11" if b"_GLIBCXX_USE_CXX11_ABI=1" in text else b""
