"""Tiny encoders with real tokenizers, made on the spot: random weights, nothing downloaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

TEXT = [
    "Marie Curie moved from Warsaw to Paris in 1891 and worked at the Sorbonne.",
    "The European Commission met Apple and Volkswagen in Brussels on Monday.",
    "Ada Lovelace wrote to Charles Babbage; the letter is kept in Oxford.",
    "Angela Merkel wuchs in Templin auf und studierte Physik in Leipzig.",
    "Le président français a reçu les maires de Lyon, Nantes et Bordeaux.",
    "Компания Яндекс открыла офис в Новосибирске, сообщает агентство.",
    "وصل الوزير إلى القاهرة يوم الخميس", "ראש הממשלה נסע לירושלים",
    "王小明在北京大学工作。", "東京都の知事は京都を訪れた。", "प्रधानमंत्री दिल्ली पहुँचे",
    "He said: \"It's 3.5 km to São Paulo, isn't it?\" (see http://example.org/a-b_c)",
]  # fmt: skip

DATA: list[tuple[str, list[tuple[int, int, str]]]] = [
    ("Marie Curie lived in Paris.", [(0, 11, "PER"), (21, 26, "LOC")]),
    ("Apple bought Beats in 2014", [(0, 5, "ORG"), (13, 18, "ORG")]),
    ("no entity stands here", []),
    ("Angela Merkel met Apple in Warsaw and in Brussels", [(0, 13, "PER"), (18, 23, "ORG"), (27, 33, "LOC"), (41, 49, "LOC")]),
]  # fmt: skip
LABELS = ("LOC", "ORG", "PER")


def prefixed(prefix: str) -> list[tuple[str, list[tuple[int, int, str]]]]:
    """`DATA` with something in front of each text."""
    n = len(prefix)
    return [(prefix + text, [(a + n, b + n, label) for a, b, label in spans]) for text, spans in DATA]


BERT_TOKENS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}  # fmt: skip
ROBERTA_TOKENS = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"}  # fmt: skip

TOKENIZER_KINDS = ("wordpiece-cased", "wordpiece-uncased", "byte-bpe", "unigram")


def train_tokenizer(kind: str) -> Any:
    """A `PreTrainedTokenizerFast` trained on `TEXT`."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = BERT_TOKENS if kind.startswith("wordpiece") else ROBERTA_TOKENS
    names = list(dict.fromkeys(special.values()))
    size = {"vocab_size": 420, "special_tokens": names, "show_progress": False}
    if kind.startswith("wordpiece"):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=kind.endswith("uncased"))
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        trainer: Any = trainers.WordPieceTrainer(**size)
    elif kind == "byte-bpe":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **size)
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(unk_token="<unk>", **size)
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    cls, sep = special["cls_token"], special["sep_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        special_tokens=[(cls, tokenizer.token_to_id(cls)), (sep, tokenizer.token_to_id(sep))],
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)


# family -> (tokenizer, configuration class, its own arguments)
_SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("wordpiece-cased", "BertConfig", _SMALL),
    "roberta": ("byte-bpe", "RobertaConfig", _SMALL),
    "xlm-roberta": ("unigram", "XLMRobertaConfig", _SMALL),
    "deberta-v3": (
        "unigram",
        "DebertaV2Config",
        {**_SMALL, "relative_attention": True, "position_buckets": 16, "norm_rel_ebd": "layer_norm",
         "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    ),
    "deberta": (
        "byte-bpe",
        "DebertaConfig",
        {**_SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    ),
    "electra": ("wordpiece-uncased", "ElectraConfig", {**_SMALL, "embedding_size": 16}),
    "distilbert": ("wordpiece-uncased", "DistilBertConfig", {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}),
    "modernbert": (
        "byte-bpe",
        "ModernBertConfig",
        {**_SMALL, "global_attn_every_n_layers": 2, "local_attention": 16},
    ),
    "albert": ("unigram", "AlbertConfig", {**_SMALL, "embedding_size": 16}),
    "mpnet": ("wordpiece-uncased", "MPNetConfig", _SMALL),
    "xlnet": ("unigram", "XLNetConfig", {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48}),
    "longformer": ("byte-bpe", "LongformerConfig", {**_SMALL, "attention_window": 8}),
}  # fmt: skip


def write_encoder(family: str, folder: Path, *, positions: int = 128, **settings: Any) -> Path:
    """A folder as `save_pretrained` leaves it: config.json, model.safetensors, tokenizer.json."""
    import torch
    import transformers

    kind, config_class, own = FAMILIES[family]
    tokenizer = train_tokenizer(kind)
    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
        "cls_token_id": tokenizer.cls_token_id,
        "sep_token_id": tokenizer.sep_token_id,
    }
    if family != "xlnet":  # which has no table of positions
        own = {"max_position_embeddings": positions, **own}
    config = getattr(transformers, config_class)(vocab_size=len(tokenizer), **ids, **{**own, **settings})
    torch.manual_seed(0)
    model = transformers.AutoModel.from_config(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def piece_tokenizer(kind: str, max_length: int = 128) -> Any:
    from cloudner.pieces.tokenizer import PieceTokenizer

    return PieceTokenizer.from_transformers(train_tokenizer(kind), max_length=max_length)


# -- pipelines ----------------------------------------------------------------------------------------------------


def settings(encoder: Any, **model: Any) -> dict[str, Any]:
    """A component config without anything random but the head's start: fp32, no dropout."""
    return {
        "model": {
            "@architectures": "cloudner.TransformerNER.v1",
            "encoder": str(encoder),
            "mixed_precision": "fp32",
            "device": "cpu",
            "dropout": 0.0,
            **model,
        }
    }


def make_nlp(encoder: Any, *, seed: int = 0, config: dict[str, Any] | None = None, **model: Any) -> Language:
    """A blank pipeline with an initialised component. Not "en": most of the time of making or loading one goes into the 1,400
    special cases of English."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("cloudner", config={**settings(encoder, **model), **(config or {})})
    start(nlp, seed=seed)
    return nlp


def start(nlp: Language, examples: Sequence[Example] | None = None, *, seed: int = 0) -> Any:
    """Initialise and return the optimizer; the same weights for the same seed."""
    import torch

    torch.manual_seed(seed)
    data = list(examples) if examples is not None else make_examples(nlp)
    optimizer = nlp.initialize(lambda: data)
    optimizer.learn_rate = 1e-3
    return optimizer


def make_examples(nlp: Language, data: Sequence[tuple[str, Any]] = DATA) -> list[Example]:
    return [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in data]


def adamw(rate: Any = 1e-3, **kwargs: Any) -> Any:
    from cloudner.model.training.optimizer import adamw as make

    return make(rate, **kwargs)


def overfit(nlp: Language, *, steps: int = 25, rate: float = 1e-2, data: Sequence[Any] = DATA) -> Language:
    """Train until the data is known by heart."""
    examples = make_examples(nlp, data)
    optimizer = adamw(rate)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


def weights(nlp: Language, name: str = "cloudner") -> dict[str, np.ndarray]:
    network = nlp.get_pipe(name).model.shims[0].network
    return {key: value.detach().numpy().copy() for key, value in network.state_dict().items()}


def ents(doc: Doc) -> list[tuple[int, int, str]]:
    return [(span.start, span.end, span.label_) for span in doc.ents]


def largest_difference(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> float:
    assert a.keys() == b.keys()
    return max(float(np.abs(a[key].astype(float) - b[key]).max()) for key in a if a[key].size)
