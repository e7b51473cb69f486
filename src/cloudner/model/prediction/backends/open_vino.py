"""OpenVINO on the CPU: converted from torch, weights compressed by NNCF."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cloudner.model.prediction.backends.graph import EncoderGraph, Run, quiet

NAME = "openvino"
EXTRA = "openvino"
PACKAGES = ("openvino", "nncf")
PRECISIONS = ("fp32", "bf16", "int8")
_FILE = "encoder.xml"  # beside it encoder.bin, the weights


def _import(name: str) -> Any:
    """The package without its usage statistics: importing it would send them unless the user has opted out. It is
    made to work without the package that does, so that one is hidden for the time of the import."""
    import importlib

    if name in sys.modules:
        return sys.modules[name]
    hidden = "openvino_telemetry"
    before = sys.modules.get(hidden)
    sys.modules[hidden] = None  # type: ignore[assignment]  # an import of it raises ImportError
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules[hidden]
        if before is not None:
            sys.modules[hidden] = before


def facts(precision: str) -> dict[str, Any]:
    """What an export depends on beside weights and versions."""
    return {}


def make(graph: EncoderGraph, folder: Path, precision: str, *, fuse: bool) -> None:
    """Write the encoder into `folder`; bf16 is computed from fp32 weights. `fuse` is nothing here: OpenVINO fuses
    when it loads. Raises whatever OpenVINO raises for an encoder it cannot convert."""
    ov = _import("openvino")
    shape = ov.PartialShape([-1, -1])
    with quiet(), torch.no_grad():
        model = ov.convert_model(
            graph, example_input=graph.sample(3, 16), input=[(shape, ov.Type.i64)] * len(graph.input_names)
        )
        if precision == "int8":
            nncf = _import("nncf")
            model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
        ov.save_model(model, folder / _FILE, compress_to_fp16=False)


def load(folder: Path, precision: str, threads: int) -> Run:
    """Raises what OpenVINO raises for a file it cannot read."""
    ov = _import("openvino")
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = ov.Core().compile_model(folder / _FILE, "CPU", options)
    local = threading.local()  # a request computes one batch at a time

    def run(ids: np.ndarray, mask: np.ndarray, cases: np.ndarray | None) -> np.ndarray:
        if not hasattr(local, "request"):
            local.request = compiled.create_infer_request()
        inputs = [ids, mask] if cases is None else [ids, mask, cases]
        return local.request.infer(inputs)[0]

    return run
