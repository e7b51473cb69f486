"""Launches by part, by number format."""

from __future__ import annotations

from functools import partial

from device.launches import count
from device.runs.common import run

if __name__ == "__main__":
    run({precision: partial(count, precision, 16) for precision in ("fp32", "bf16", "fp16")})
