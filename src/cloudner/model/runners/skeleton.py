"""What is saved beside the weights, and a saved network's shape, looked at before any memory is spent on it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch

from cloudner.model.network.encoder import build_from_config, config_json
from cloudner.model.network.tag_network import HEADS, POOLINGS, Network
from cloudner.model.saving import Saved
from cloudner.model.soundness import broken, check_sizes, need, reading, whole_number
from cloudner.pieces.tokenizer import PieceTokenizer

logger = logging.getLogger("cloudner")

# An encoder and what network.json says -> a network.
Make = Callable[[torch.nn.Module, dict[str, Any]], Network]


def tagger(encoder: torch.nn.Module, values: dict[str, Any]) -> Network:
    return Network(
        encoder,
        values["n_tags"],
        pooling=values["pooling"],
        head=values["head"],
        case_features=values["case_features"],
    )


def check_choice(values: dict[str, Any], key: str, choices: tuple[str, ...], where: str) -> None:
    """Raises InputError where the text at `key` is none of these."""
    need(values, where, {key: str})
    if values[key] not in choices:
        raise broken(f"{key} = {values[key]!r}", where, " or ".join(map(repr, choices)))


def skeleton(saved: Saved, make: Make = tagger) -> Network:
    """A network like the saved one on the device "meta", without memory. Raises InputError for files that are damaged."""
    values, config, pieces = (saved.json(name) for name in ("network.json", "encoder.json", "pieces.json"))
    where = saved.where("network.json")
    if make is tagger:
        check_choice(values, "head", HEADS, where)
    check_choice(values, "pooling", POOLINGS, where)
    need(values, where, {"head": str, "case_features": bool})
    whole_number(values, "n_tags", where, 1, 1 << 20)
    check_sizes(config, len(saved.weights), saved.where("encoder.json"))
    with torch.device("meta"), reading("the encoder's configuration", saved.where("encoder.json")):
        encoder = build_from_config(saved.files["encoder.json"])
        network = make(encoder, values)
    where = saved.where("pieces.json")
    need(
        {"leading_space": True, **pieces},
        where,
        {"special": dict, "max_length": int, "uncased": bool, "leading_space": bool},
    )
    whole_number(pieces, "max_length", where, 3, 1 << 24)
    rows = encoder.get_input_embeddings().num_embeddings  # type: ignore[operator]
    special = pieces["special"]
    for name in ("cls", "sep", "pad", "unk", *(["mask"] if "mask" in special else [])):
        whole_number(special, name, where, 0, rows - 1)
    return network


def tell_passed_over(asked: dict[str, Any], saved: Saved) -> None:
    """One line where the config asks for another network than the saved one, whose weights fit no other. asked: by the keys of
    network.json; "auto" asks for nothing."""
    values = saved.json("network.json")
    other = [name for name, value in asked.items() if value not in ("auto", values[name])]
    if other:
        logger.warning(
            "%s: the config's %s passed over: the weights were trained with %s; another value needs a new training",
            saved.where("network.json"),
            ", ".join(f"{name} = {asked[name]!r}" for name in other) + (" is" if len(other) == 1 else " are"),
            ", ".join(f"{name} = {values[name]!r}" for name in other),
        )


def take_saved(settings: Any, names: Sequence[str], saved: Saved) -> None:
    """Put the saved network's values into the settings that make a network, and tell those that the config says otherwise."""
    asked = {name: getattr(settings, name) for name in names}
    tell_passed_over(asked, saved)
    for name, value in asked.items():
        setattr(settings, name, value if value == "auto" else saved.json("network.json")[name])


def read_tokenizer(saved: Saved, encoder: torch.nn.Module) -> PieceTokenizer:
    """Raises InputError for a tokenizer that is damaged, and for one whose ids the encoder has no vectors for."""
    where = saved.where("tokenizer.json")
    with reading("the tokenizer", where):
        saved.json("tokenizer.json")
        made = PieceTokenizer.from_parts(saved.files["tokenizer.json"], saved.json("pieces.json"))
    rows, ids = encoder.get_input_embeddings().num_embeddings, made.words.n_ids()  # type: ignore[operator]
    if ids > rows:
        raise broken(f"ids up to {ids - 1}, and the encoder's vectors end at {rows - 1}", where)
    return made


def texts(network: Network, tokenizer: PieceTokenizer, facts: dict[str, Any]) -> dict[str, str]:
    """The files beside the weights, by name. facts: what network.json says of the head."""
    settings = {"case_features": network.cases is not None, "pooling": network.pooling, **facts}
    return {
        "encoder.json": config_json(network.encoder),
        "network.json": json.dumps(settings, indent=2),
        "tokenizer.json": tokenizer.json_text,
        "pieces.json": json.dumps(tokenizer.to_dict(), indent=2),
    }
