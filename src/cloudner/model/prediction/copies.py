"""Networks for prediction only: the same weights in the precision that is fastest without loss, or int8."""

from __future__ import annotations

import copy
import logging
from typing import Any

import torch

from cloudner.errors import ConfigError
from cloudner.model.memory_errors import free_device_memory, is_out_of_memory
from cloudner.model.network.tag_network import Network, TagNetwork, first_layer
from cloudner.model.precision import choose_precision, encoder_kind
from cloudner.model.prediction.backends import exported

logger = logging.getLogger("cloudner")

PREDICT_PRECISIONS = ("auto", "fp32", "bf16", "fp16", "int8")


def prepare(
    network: TagNetwork, precision: str, trained_in: str | bool, backend: str = "auto"
) -> tuple[TagNetwork, str]:
    """A network to predict with, and the precision to run its forward pass in (`autocast`).

    precision: "auto" computes as training did where the device can (`trained_in`), else in fp32. "int8" quantises
    the linear layers' weights once and their inputs at each call (CPU only). bf16 and fp16 weights are converted
    once, which saves autocast a conversion at every call.
    backend: what computes the encoder, see `cloudner.model.prediction.backends.exported`.
    Raises ConfigError for an unknown name, and for a backend asked for by name that cannot do it.
    """
    if precision not in PREDICT_PRECISIONS:
        raise ConfigError(f"precision = {precision!r}", expected=", ".join(PREDICT_PRECISIONS))
    device = next(network.parameters()).device
    made_elsewhere = exported(network, precision, trained_in, backend)
    if made_elsewhere is not None:
        return made_elsewhere, "fp32"
    if precision == "int8":
        if device.type != "cpu":
            logger.warning("int8 prediction is for CPUs: predicting in the precision of %s", device)
            precision = "auto"
        else:
            return _quantised(network), "fp32"
    name = choose_precision(trained_in if precision == "auto" else precision, device, encoder_kind(network))
    if name == "fp32":
        return network, "fp32"
    dtype = torch.bfloat16 if name == "bf16" else torch.float16
    try:
        return _converted(network, dtype), "fp32"
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    logger.warning(
        "Out of memory: there is no room for a copy of the weights in %s, so each call converts them.", name
    )
    free_device_memory()
    return network, name


def _converted(network: TagNetwork, dtype: torch.dtype) -> TagNetwork:
    """A copy whose weights are of this type. Frequencies of rotary positions keep theirs: bf16 rounds by up to 1/512,
    which 500 pieces into a text is an angle of up to a radian."""
    memo: dict[int, Any] = {}
    # Each tensor is converted by itself: the whole network is never there in fp32 twice.
    for parameter in network.parameters():
        memo[id(parameter)] = torch.nn.Parameter(_as(parameter, dtype), requires_grad=False)
    for name, buffer in network.named_buffers():
        memo[id(buffer)] = buffer.clone() if "inv_freq" in name else _as(buffer, dtype)
    return copy.deepcopy(network, memo).eval()


def _as(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return tensor.detach().to(dtype) if tensor.is_floating_point() else tensor.detach().clone()


def _quantised(network: TagNetwork) -> TagNetwork:
    """Weights by output channel; the head and the encoder's first layer stay fp32."""
    import warnings

    from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic

    made = copy.deepcopy(network).eval()
    first = first_layer(made.encoder) if isinstance(made, Network) else None
    kept = {id(module) for part in (made.head, first) if part is not None for module in part.modules()}
    which = {
        name: per_channel_dynamic_qconfig
        for name, module in made.named_modules()
        if isinstance(module, torch.nn.Linear) and id(module) not in kept
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return quantize_dynamic(made, which, dtype=torch.qint8, inplace=True)
