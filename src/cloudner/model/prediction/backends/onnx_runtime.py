"""ONNX Runtime on the CPU: exported by torch, fused and quantised by ONNX Runtime's own tools."""

from __future__ import annotations

import inspect
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cloudner.hardware.machine.cpu import cpu_name_and_flags
from cloudner.model.network.tag_network import first_layer
from cloudner.model.prediction.backends.graph import EncoderGraph, Run, quiet

NAME = "onnxruntime"
EXTRA = "onnx"
PACKAGES = ("onnxruntime", "onnx")
PRECISIONS = ("fp32", "int8")
# The oldest opset with all operators of the encoders that spaCy users train, and one that ONNX Runtime's fusions know.
_OPSET = 17
_FILE = "encoder.onnx"


def facts(precision: str) -> dict[str, Any]:
    """What an export depends on beside weights and versions."""
    int8 = precision == "int8"
    return {"opset": _OPSET, "reduce_range": int8 and reduce_range(), "keeps_first_layer": int8}


def reduce_range() -> bool:
    """Must weights have 7 bits? x86 without VNNI adds two 8 x 8 bit products in 16 bits, which overflow
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html)."""
    if platform.machine().lower() not in {"x86_64", "amd64", "i686"}:
        return False
    return not {"avx512_vnni", "avx_vnni"} & set(cpu_name_and_flags()[1])


def make(graph: EncoderGraph, folder: Path, precision: str, *, fuse: bool) -> None:
    """Write the encoder into `folder`. Raises whatever torch and ONNX Runtime raise for one they cannot export."""
    import onnx

    exported = folder / "exported.onnx"
    names = graph.input_names
    options: dict[str, Any] = {}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the other exporter needs onnxscript
    with quiet(), torch.no_grad():
        torch.onnx.export(
            graph,
            graph.sample(3, 16),
            str(exported),
            input_names=names,
            output_names=["hidden"],
            dynamic_axes={name: {0: "sequences", 1: "length"} for name in [*names, "hidden"]},
            opset_version=_OPSET,
            **options,
        )
        source = _fused(exported, graph, folder) if fuse else exported
        if precision == "int8":
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(
                source,
                folder / _FILE,
                op_types_to_quantize=["MatMul", "Gemm", "Attention"],  # embeddings are read, not multiplied
                per_channel=True,
                reduce_range=reduce_range(),
                nodes_to_exclude=_first_layer_nodes(source, graph),
                weight_type=QuantType.QInt8,
                extra_options={"MatMulConstBOnly": True, "DefaultTensorType": onnx.TensorProto.FLOAT},
            )
        else:
            source.rename(folder / _FILE)
    for path in folder.iterdir():
        if path.name != _FILE:
            path.unlink()


def _first_layer_nodes(model: Path, graph: EncoderGraph) -> list[str]:
    """Nodes of the encoder's first layer, which stay fp32. The exporter names nodes by their module; what fusing
    has joined has another name and is quantised."""
    import onnx

    first = first_layer(graph.encoder)
    path = next((name for name, module in graph.named_modules() if module is first), None)
    if first is None or path is None:
        return []
    names = [node.name for node in onnx.load(str(model), load_external_data=False).graph.node]
    return [name for name in names if name.strip("/").replace("/", ".").startswith(f"{path}.")]


def _fused(exported: Path, graph: EncoderGraph, folder: Path) -> Path:
    """Attention, layer norm and GELU as one operator each, where their pattern is found."""
    from onnxruntime.transformers.optimizer import optimize_model

    config: Any = graph.encoder.config
    made = optimize_model(
        str(exported),
        model_type="bert",
        num_heads=int(getattr(config, "num_attention_heads", 0) or 0),
        hidden_size=graph.width,
        opt_level=0,
    )
    path = folder / "fused.onnx"
    made.save_model_to_file(str(path))
    return path


def load(folder: Path, precision: str, threads: int) -> Run:
    """Raises what ONNX Runtime raises for a file it cannot read."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    # Idle threads that spin would take the cores from torch and from spaCy between two batches.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(folder / _FILE), options, providers=["CPUExecutionProvider"])

    def run(ids: np.ndarray, mask: np.ndarray, cases: np.ndarray | None) -> np.ndarray:
        inputs = {"ids": ids, "mask": mask}
        if cases is not None:
            inputs["cases"] = cases
        return session.run(None, inputs)[0]

    return run
