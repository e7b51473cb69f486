"""Peak memory of training and prediction with the component itself, beside what hardware/planning/memory.py predicts."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.pipeline import fast_names
from benchmarks.gpu.plan import Settings

LOW, HIGH = 0.7, 1.3
# what, precision, word pieces at once, pieces a row, checkpointing, `fast`
RUNS = (
    ("train", "bf16", 8_192, 32, False, "off"),
    ("train", "bf16", 16_384, 128, False, "off"),
    ("train", "bf16", 16_384, 512, False, "off"),
    ("train", "fp32", 8_192, 128, False, "off"),
    ("train", "fp16", 8_192, 128, False, "off"),
    ("train", "bf16", 16_384, 128, True, "off"),
    ("predict", "bf16", 65_536, 128, False, "off"),
    ("predict", "fp32", 32_768, 64, False, "off"),
    ("predict", "fp16", 65_536, 32, False, "off"),
    ("train", "bf16", 512, 32, False, "off"),
    ("train", "bf16", 512, 32, False, "auto"),
    ("predict", "bf16", 65_536, 128, False, "auto"),
)
SMOKE_RUNS = (("train", "fp32", 128, 32, False, "off"), ("predict", "fp32", 128, 32, False, "off"))


def run(settings: Settings, put: Callable[[dict[str, Any]], None]) -> None:
    rows: list[dict[str, Any]] = []
    for what, precision, pieces, length, checkpointing, fast in SMOKE_RUNS if settings.smoke else RUNS:
        if fast not in fast_names():
            continue
        row: dict[str, Any] = {
            "what": what, "precision": precision, "pieces": pieces, "length": length,
            "checkpointing": checkpointing, "fast": fast,
        }  # fmt: skip
        try:
            row |= _measured(settings, what, precision, pieces, length, checkpointing, fast)
        except Exception as error:  # out of memory, say: the other rows are measured all the same
            row["failed"] = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
        print(row, flush=True)
        rows.append(row)
        put(_summary(rows))


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    ratios = [row["predicted_over_real"] for row in rows if "predicted_over_real" in row]
    made: dict[str, Any] = {"rows": rows, "low": LOW, "high": HIGH}
    if ratios:
        made |= {"least": min(ratios), "most": max(ratios)}
        made["within"] = min(ratios) >= LOW and max(ratios) <= HIGH
    return made


def _measured(
    settings: Settings, what: str, precision: str, pieces: int, length: int, checkpointing: bool, fast: str
) -> dict[str, Any]:
    """Two micro-batches and a step, twice over; or two batches of prediction."""
    import torch

    from cloudner.encoders.shape import EncoderShape
    from cloudner.hardware import training_peak
    from cloudner.hardware.planning.memory import prediction_peak

    shape = EncoderShape.from_name(settings.encoder)
    kind = "cpu" if not settings.cuda else "cuda"
    if what == "train":
        predicted = training_peak(
            shape, pieces, length, device=kind, precision=precision, gradient_checkpointing=checkpointing
        )
    else:
        predicted = prediction_peak(shape, pieces, length, device=kind, precision=precision)
    gc.collect()
    if settings.cuda:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    _work(settings, what, precision, pieces, length, checkpointing, fast)
    made: dict[str, Any] = {
        "predicted": predicted.total,
        "predicted_parts": {name: getattr(predicted, name) for name in ("weights", "activations", "fixed")},
    }
    if not settings.cuda:
        return {**made, "not_measured": "needs a CUDA device"}
    torch.cuda.synchronize()
    free, total = torch.cuda.mem_get_info()
    context = max(0, total - free - torch.cuda.memory_reserved())  # what CUDA and its libraries took
    allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
    real = reserved + context
    return {
        **made,
        "allocated": allocated,
        "reserved": reserved,
        "context": context,
        "real": real,
        "predicted_over_real": round(predicted.total / real, 3),
        "predicted_over_allocated": round((predicted.weights + predicted.activations) / allocated, 3),
    }


def _work(
    settings: Settings, what: str, precision: str, pieces: int, length: int, checkpointing: bool, fast: str
) -> None:
    import spacy
    from spacy.tokens import Doc
    from spacy.training import Example

    from cloudner.model.training.optimizer import adamw

    model: dict[str, Any] = {
        "@architectures": "cloudner.TransformerNER.v1",
        "encoder": settings.encoder,
        "device": settings.device,
        "mixed_precision": precision,
        "batch_pieces": pieces,
        "predict_pieces": pieces,
        "gradient_checkpointing": checkpointing,
    }
    if len(fast_names()) > 1:
        model["fast"] = fast
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("cloudner", config={"model": model})
    word = _word(Path(settings.encoder))
    rows = max(1, pieces // length)
    words = [word] * (length - 2)  # and two special tokens

    def example() -> Example:
        doc = Doc(nlp.vocab, words=words)
        return Example.from_dict(doc, {"entities": ["U-PER", *["O"] * (len(words) - 1)]})

    examples = [example() for _ in range(2 * rows)]
    nlp.initialize(lambda: examples[:2])
    if what == "predict":
        for _ in range(2):
            list(nlp.pipe([Doc(nlp.vocab, words=words) for _ in range(2 * rows)], batch_size=2 * rows))
        return
    optimizer = adamw(1e-5)
    for _ in range(2 if fast == "off" else 8):  # a fast path proves itself in the first steps
        nlp.update(examples, drop=0.1, sgd=optimizer)
    pipe.model.shims[0].network.zero_grad()


def _word(encoder: Path) -> str:
    """A word that is one piece."""
    import json

    vocabulary = json.loads((encoder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    return next(word for word in vocabulary if word.isalpha() and len(word) > 2)
