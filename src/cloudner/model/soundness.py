"""Is what was saved whole? Looked at before a network is built of it, since a size that is wrong costs hours or all memory."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from cloudner.errors import CloudnerError, InputError
from cloudner.json_files import json_of, text_of
from cloudner.pieces.scheme import POSITIONS, TagScheme

WHOLE = "the whole file, as training left it"
AGAIN = "copy the pipeline's folder again, or `git lfs pull` where it came with git"
# Layers that a configuration may have beyond the number of saved tensors: ALBERT's share theirs.
_SHARED_LAYERS = 256
# Most elements of all tensors that a network makes for itself, such as position ids.
_OWN_ELEMENTS = 1 << 26


def broken(found: str, where: str | None, expected: str = WHOLE) -> InputError:
    """The error for a part of a pipeline that cannot be used."""
    return InputError(found, file=where, expected=expected, fix=AGAIN)


@contextlib.contextmanager
def reading(what: str, where: str | None) -> Iterator[None]:
    """Turns whatever json, tokenizers, transformers and torch raise at a damaged part into one InputError."""
    try:
        yield
    except CloudnerError:
        raise
    except PermissionError as error:
        raise InputError(
            f"permission denied: this user may not read {what}", file=error.filename or where,
            expected="a file that the user who loads may read", fix=f"chmod a+r {error.filename or where}",
        ) from error  # fmt: skip
    except MemoryError:
        raise
    except Exception as error:  # tokenizers raises Exception itself
        said = str(error).strip().splitlines()
        first = said[0][:200] if said else ""
        named = f"{type(error).__name__}: {first}" if first else type(error).__name__
        raise broken(f"{what} cannot be used ({named})", where) from error


def json_object(text: str, where: str | None) -> dict[str, Any]:
    """Raises InputError for anything else than a JSON object."""
    with reading("a JSON file", where):
        value = json_of(text)
    if not isinstance(value, dict):
        raise broken(f"{type(value).__name__} where a JSON object should be", where)
    return value


def need(values: Mapping[str, Any], where: str | None, kinds: Mapping[str, type | tuple[type, ...]]) -> None:
    """Raises InputError where a key is missing or its value of another type; a bool is no number here."""
    for key, kind in kinds.items():
        if key not in values:
            raise broken(f"there is no {key!r}", where)
        value = values[key]
        kinds_of = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, kinds_of) or (isinstance(value, bool) and bool not in kinds_of):
            raise broken(f"{key} = {value!r}"[:200], where, f"{' or '.join(k.__name__ for k in kinds_of)}")


def whole_number(values: Mapping[str, Any], key: str, where: str | None, least: int, most: int) -> int:
    """Raises InputError unless it is a whole number within these bounds."""
    need(values, where, {key: int})
    if not least <= values[key] <= most:
        raise broken(f"{key} = {values[key]}", where, f"{least:,} to {most:,}")
    return values[key]


def check_cfg(saved: Any, where: str | None) -> None:
    """`cfg` of the component: labels, and a temperature that scores can be divided by."""
    if not isinstance(saved, dict):
        raise broken(f"{type(saved).__name__} where a JSON object should be", where)
    labels = saved.get("labels", [])
    if not isinstance(labels, list) or not all(isinstance(each, str) and each for each in labels):
        raise broken(f"labels = {labels!r}"[:200], where, "a list of names")
    if len(set(labels)) != len(labels):
        raise broken("a label stands twice in labels", where, "each label once")
    value = saved.get("temperature", 1.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 < value < math.inf):
        raise broken(f"temperature = {value!r}"[:200], where, "a number above 0")
    value = saved.get("fitted_o_shift", 0.0)
    if not _number(value):
        raise broken(f"fitted_o_shift = {value!r}"[:200], where, "a number")
    value = saved.get("platt", [1.0, 0.0])
    if not isinstance(value, list) or len(value) != 2 or not all(map(_number, value)) or not value[0] > 0:
        raise broken(f"platt = {value!r}"[:200], where, "two numbers, the first above 0")
    for name, expected in (
        ("digests", "a digest for each file"),
        ("changed", "what the config said of each"),
    ):
        if not isinstance(value := saved.get(name, {}), dict):
            raise broken(f"{name} = {value!r}"[:200], where, expected)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def check_sizes(config: Mapping[str, Any], n_tensors: int, where: str | None) -> None:
    """Layers that an encoder's configuration asks for, beside the saved tensors that would fill them; and numbers that it
    cannot compute with."""
    most = max(n_tensors, _SHARED_LAYERS)
    for key, value in config.items():
        if isinstance(value, Mapping):
            check_sizes(value, n_tensors, where)
        counts = any(part in key for part in ("layers", "n_layer", "groups", "group_num", "blocks"))
        if counts and isinstance(value, (int, float)) and not abs(value) <= most:
            raise broken(f"{key} = {value}, for {n_tensors} saved tensors", where, f"at most {most}")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        if isinstance(value, float) and not math.isfinite(value):
            raise broken(f"{key} = {value}", where, "a finite number")
        if key.endswith("eps") and not 0 <= value < 1:  # every score would be NaN, or all the same
            raise broken(f"{key} = {value}", where, "0 or more and below 1")
        if key.endswith("heads") and value <= 0:
            raise broken(f"{key} = {value}", where, "1 or more")


def check_weights(skeleton: torch.nn.Module, weights: Mapping[str, torch.Tensor], where: str | None) -> None:
    """Raises InputError unless the weights are those of a network like `skeleton` (on the device "meta") and finite."""
    expected = skeleton.state_dict()
    buffers = {name for name, _ in skeleton.named_buffers()}
    if sum(buffer.numel() for buffer in skeleton.buffers()) > _OWN_ELEMENTS:
        raise broken("the encoder's configuration asks for tables larger than any encoder's", where)
    lost = [name for name in expected if name not in weights and name not in buffers]
    unexpected = [name for name in weights if name not in expected]
    if lost or unexpected:
        raise broken(
            f"the saved weights do not fit the network: missing {lost[:3]}, unexpected {unexpected[:3]}",
            where,
        )
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape:
            raise broken(
                f"{name} is {list(tensor.shape)}",
                where,
                f"{list(expected[name].shape)}, as the configuration says",
            )
        # A sum is finite where all are, at the speed of memory; it may overflow where they are.
        if tensor.is_floating_point() and tensor.numel():
            total = tensor.sum(dtype=torch.float32)
            if not torch.isfinite(total) and not torch.isfinite(tensor).all():
                raise broken(
                    f"{name} has values that are not finite (NaN or infinite)", where, "finite weights"
                )


def read_json(path: Path) -> Any:
    """Raises InputError where there is no such file, or no JSON in it."""
    if not path.is_file():
        raise broken("no such file", str(path))
    with reading("a JSON file", str(path)):
        return json_of(text_of(path))


def check_tags(outputs: int, labels: Sequence[str], scheme: Any, where: str | None) -> None:
    """Raises InputError where the labels of `cfg` are not those that the head has scores for. outputs: of the head."""
    if outputs != scheme.n_tags:
        other = {TagScheme(tuple(labels), name).n_tags: name for name in POSITIONS}
        if labels and outputs in other:
            raise InputError(
                f"tag_scheme = {scheme.name!r} in the config, and the weights were trained with {other[outputs]!r}",
                file=where,
                expected="the scheme that they were trained with; another one needs a new training",
            )
        raise broken(
            f"{len(labels)} labels make {scheme.n_tags} tags ({scheme.name}), and the saved head has {outputs}",
            where,
            "cfg, config.cfg and weights of one training",
        )
