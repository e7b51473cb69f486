"""Prediction by ONNX Runtime or OpenVINO: the encoder exported once, into a cache folder outside the pipeline."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
from pathlib import Path
from typing import Any

import torch

from cloudner.errors import ConfigError
from cloudner.model.network.encoder import config_json
from cloudner.model.network.tag_network import Network
from cloudner.model.precision import choose_precision
from cloudner.model.prediction.backends import onnx_runtime, open_vino
from cloudner.model.prediction.backends.cache import cache_folder, cached, export_key, forget
from cloudner.model.prediction.backends.graph import EncoderGraph, Run
from cloudner.model.prediction.backends.network import ExportedNetwork

logger = logging.getLogger("cloudner")

BACKENDS = ("auto", "torch", "onnxruntime", "openvino")
# What "int8" uses under "auto" where it is installed: docs/choices.md has the measurement.
INT8 = "onnxruntime"

_MODULES: dict[str, Any] = {onnx_runtime.NAME: onnx_runtime, open_vino.NAME: open_vino}
# Counts changes to how an export is made.
_FORMAT = 1
# Largest difference from torch in fp32 (`EncoderGraph.difference`). Chosen, not measured: unrelated vectors of the same
# size would be near the square root of 2 apart.
_TOLERANCE = {"fp32": 1e-3, "bf16": 0.1, "int8": 0.5}


def installed(backend: str) -> bool:
    """Are the backend's packages there? They are looked up, not imported."""
    return not _missing(backend)


def _missing(backend: str) -> list[str]:
    return [name for name in _MODULES[backend].PACKAGES if importlib.util.find_spec(name) is None]


def check_backend(backend: str) -> None:
    """Raise ConfigError for an unknown backend, or one whose packages are not installed."""
    if backend not in BACKENDS:
        raise ConfigError(f"backend = {backend!r}", expected=", ".join(BACKENDS))
    missing = [] if backend in {"auto", "torch"} else _missing(backend)
    if missing:
        raise ConfigError(
            f"backend = {backend!r} needs {' and '.join(missing)}, which is not installed",
            fix=f'pip install "cloudner[{_MODULES[backend].EXTRA}]", or backend = "auto"',
        )


def exported(
    network: torch.nn.Module, precision: str, trained_in: str | bool, backend: str
) -> ExportedNetwork | None:
    """The network with its encoder in another library, or None where torch is to predict.

    precision: as for `cloudner.model.prediction.copies.prepare`. backend: "auto" takes another library for int8 on a CPU,
    where one is installed and can export the encoder, and is torch otherwise. Raises ConfigError for a backend asked
    for by name that cannot do what is asked of it.
    """
    check_backend(backend)
    if backend == "torch":
        return None
    device = next(network.parameters()).device
    if backend == "auto":
        if (
            not isinstance(network, Network)
            or precision != "int8"
            or device.type != "cpu"
            or not installed(INT8)
        ):
            return None
        try:
            return _exported(network, "int8", INT8)
        except Exception as error:  # whatever the library raises: torch can do it too
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            logger.warning("int8 prediction by torch, since %s cannot: %s", INT8, first[:200])
            return None
    if not isinstance(network, Network):
        raise ConfigError(
            f"backend = {backend!r} for a component whose encoder is another component's",
            fix='backend = "auto"',
        )
    if device.type != "cpu":
        raise ConfigError(
            f"backend = {backend!r} predicts on the CPU, and the pipeline is on {device}",
            fix='cloudner.load(..., device="cpu"), or backend = "auto"',
        )
    able = _MODULES[backend].PRECISIONS
    if precision == "auto":
        best = choose_precision(trained_in, device)
        name = best if best in able else "fp32"
    elif precision not in able:
        raise ConfigError(
            f"precision = {precision!r} with backend = {backend!r}", expected=", ".join(("auto", *able))
        )
    else:
        name = "int8" if precision == "int8" else choose_precision(precision, device)
    return _exported(network, name, backend)


def _exported(network: Network, precision: str, backend: str) -> ExportedNetwork:
    module = _MODULES[backend]
    network.eval()
    graph = EncoderGraph(network).eval()
    facts = {
        "format": _FORMAT,
        "encoder": config_json(network.encoder),
        "versions": {p: importlib.metadata.version(p) for p in ("torch", "transformers", *module.PACKAGES)},
        **module.facts(precision),
    }
    name = f"{backend}-{precision}-{export_key(graph, facts)}"

    def load(threads: int) -> Run:
        # Again from the cache for each process and number of threads; made anew where it is no longer there.
        try:
            with torch.inference_mode(False):
                folder = cached(name, lambda folder: _make(module, graph, folder, precision))
                try:
                    return module.load(folder, precision, threads)
                except Exception as error:  # each library has its own
                    logger.warning(
                        "The exported encoder in %s cannot be loaded and is made anew: %s", folder, error
                    )
                forget(folder)
                folder = cached(name, lambda folder: _make(module, graph, folder, precision))
        except OSError as error:
            raise ConfigError(
                f"cannot write the exported encoder to {cache_folder()}: {error}",
                fix="set CLOUDNER_CACHE to a folder that can be written",
            ) from error
        return module.load(folder, precision, threads)

    return ExportedNetwork(network, load)


def _make(module: Any, graph: EncoderGraph, folder: Path, precision: str) -> None:
    """An export that computes what torch computes, with fused operators where that is so."""
    logger.info("Exporting the encoder to %s (%s), once for these weights", module.NAME, precision)
    found, error = float("inf"), None
    for fuse in (True, False):
        try:
            module.make(graph, folder, precision, fuse=fuse)
            found = graph.difference(module.load(folder, precision, torch.get_num_threads()))
        except Exception as raised:  # each library and each exporter has its own
            error = raised
        if found <= _TOLERANCE[precision]:
            return
        for path in folder.iterdir():
            path.unlink()
    kind = graph.encoder.config.model_type  # type: ignore[union-attr]
    why = f": {str(error).strip().splitlines()[0][:200]}" if error is not None and str(error).strip() else ""
    raise ConfigError(
        f"{module.NAME} cannot compute the encoder ({kind}) as torch does{why}", fix='backend = "torch"'
    ) from error
