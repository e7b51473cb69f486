"""What the parts share: an encoder in BERT-base's shape with random weights, and the synthetic corpus."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.data import ASSETS, SHAPES
from benchmarks.gpu.plan import Settings
from benchmarks.jobs import prepare_data
from benchmarks.machine import machine, versions
from benchmarks.peers import NotMeasured

VOCABULARY = 28_996  # rows of bert-base-cased's table
# Pieces that the tokenizer knows. Trained on small texts, 8,000 of them give about 1.3 pieces a word of those, which is
# what bert-base-cased gives for news.
PIECES = 8_000
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}  # fmt: skip


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    import torch

    if settings.cuda and not torch.cuda.is_available():
        raise NotMeasured("torch sees no CUDA device; --smoke tries the script on a CPU")
    shape = "tiny" if settings.smoke else "bert-base"
    folder = settings.folder("encoders") / shape
    if not (folder / "config.json").is_file():
        write_encoder(folder, shape)
    put(
        {
            "encoder": str(folder),
            "data": str(prepare_data(None, Path(settings.work), 80 if settings.smoke else 0)),
            "machine": machine(settings.device),
            "versions": versions(),
        }
    )


def write_encoder(folder: Path, shape: str, seed: int = 0) -> None:
    """A cased BERT of this shape as `save_pretrained` leaves it; the tokenizer is trained on assets/, so that no other
    package and no network is needed."""
    import torch
    from transformers import BertConfig, BertModel

    hidden, layers, heads, intermediate = SHAPES[shape]
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
    )
    torch.manual_seed(seed)
    model = BertModel(config)
    tokenizer().save_pretrained(folder)
    model.save_pretrained(folder)


def tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    names = list(SPECIAL.values())
    with open(ASSETS / "train.csv", encoding="utf-8", newline="") as stream:
        texts = [row["text"] for row in csv.DictReader(stream)]
    trainer = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=names, show_progress=False)
    made.train_from_iterator(texts, trainer)
    first, last = made.token_to_id("[CLS]"), made.token_to_id("[SEP]")
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", first), ("[SEP]", last)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=512, **SPECIAL)
