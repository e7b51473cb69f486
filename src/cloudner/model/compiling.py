"""torch.compile for encoders."""

from __future__ import annotations

import os
import shutil
import sys

import torch

from cloudner.errors import ConfigError


def compile_encoder(encoder: torch.nn.Module, device: torch.device) -> None:
    """Compile the encoder's forward and backward pass in place, for any batch size and length. Names of weights stay.

    Kernels are made at the first step. Raises ConfigError on a CPU without a C++ compiler.
    """
    if device.type == "cpu" and not _has_compiler():
        raise ConfigError(
            "compile = true on a CPU needs a C++ compiler",
            expected="g++ or clang++ (or what $CXX names)",
            fix="apt-get install g++, or compile = false",
        )
    encoder.compile(dynamic=True)


def _has_compiler() -> bool:
    names = [os.environ.get("CXX", ""), "g++", "clang++", *(["cl"] if sys.platform == "win32" else [])]
    return any(shutil.which(name) for name in names if name)
