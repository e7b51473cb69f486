"""Capturing a CUDA graph: on which stream, without garbage collection, and what to do when it fails."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch


@contextmanager
def on_stream(stream: Any) -> Iterator[None]:
    """On another stream, in order with the current one on both sides."""
    current = torch.cuda.current_stream()
    stream.wait_stream(current)
    with torch.cuda.stream(stream):
        yield
    current.wait_stream(stream)


@contextmanager
def captured(graph: Any, pool: Any) -> Iterator[None]:
    """What is launched within goes into the graph and is not run. torch.cuda.graph also collects garbage, which with a
    corpus in memory takes longer than the capture."""
    collects = gc.isenabled()
    gc.disable()  # a tensor that dies meanwhile would be freed into the capture
    try:
        torch.cuda.synchronize()
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        yield
        graph.capture_end()
    except BaseException:
        _end_broken(graph)
        raise
    finally:
        if collects:
            gc.enable()


def _end_broken(graph: Any) -> None:
    """After a capture that failed: leave it, and give torch's random numbers a state that knows nothing of it. With its
    own every later dropout would raise."""
    with suppress(Exception):
        graph.capture_end()
    with suppress(Exception):
        torch.cuda.synchronize()
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())
