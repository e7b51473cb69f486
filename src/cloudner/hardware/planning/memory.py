"""One formula for the peak memory of training and of prediction, on a GPU and on a CPU.

    peak = weights + optimizer + max(activations(micro-batch), second gradients) + fixed part

Weights and optimizer, bytes per parameter: fp32 weight 4, gradient 4, AdamW's two moments 8; a frozen one only 4;
under autocast 2 more for the half-precision copy that autocast keeps while a micro-batch runs.

From an update's second micro-batch on its new gradients, 4 bytes per trained parameter, lie beside the sum of those
before. A backward pass begins with all activations and none of them, and ends the other way around.

Activations, bytes per word piece (padding included) and layer, counted from the tensors that autograd saves for a
BERT layer of width h and feed-forward width f (`python -m benchmarks.memory count` counts them again):
    fp32      input 4h, query/key/value 12h, attention output 8h (as computed, and reordered for the next product),
              two norms' inputs 8h and one output 4h, two dropout masks 2h, feed-forward 8f        = 38h + 8f
    autocast  three half-precision casts of the input 6h, query/key/value 6h, attention output 4h,
              norms' fp32 inputs 8h, cast of one output 2h, masks 2h, feed-forward 4f              = 28h + 4f
A gated feed-forward (ModernBERT) saves four tensors of width f instead of two. Where attention has no fused kernel
(a CPU with dropout or in bf16, DeBERTa) the matrices of heads x length x length come on top.

What is alive beside the saved tensors (gradients of activations, buffers of matrix products, fragmentation) is a
factor on top: measured on CPU as the peak of the resident set, see `docs/hardware.md`; on a GPU the allocator's peak is
0.92 to 0.95 of the sum above, and what it reserves 1.03 to 1.14 of its peak.

The span head of `cloudner_spans` has a score for each label, first and last piece of a row: length * labels scores a word
piece, in fp32 whatever the precision, with copies of them for the loss and the backward pass (`python -m benchmarks.memory scores`
measures the sum). A budget such as `batch_pieces` counts them as word pieces: see `budget_per_piece`.

Prediction keeps a layer's tensors only: of a word piece two of width f and four of width h (gated: three of width f).
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudner.encoders.shape import EncoderShape

BYTES_TRAINED, BYTES_FROZEN, BYTES_CAST, BYTES_GRADIENT = 16, 4, 2, 4
# Measured: benchmarks/results/memory-cpu.json (peak resident set, two accumulated micro-batches).
CPU_FACTOR, CPU_FIXED = 1.69, 220e6
CPU_ATTENTION = 13  # bytes per entry of heads x length x length: scores, probabilities, dropout, mask
# Measured on an H200 with BERT-base's shape: benchmarks/results/gpu.json, part "memory". CUDA and its libraries took
# 0.79 GB there; what torch's allocator reserves beside what is asked of it weighs more in prediction, which is small.
GPU_FACTOR, GPU_FIXED = 1.0, 800e6
GPU_PREDICTION_FACTOR = 1.25
GPU_ATTENTION_FP32, GPU_ATTENTION_HALF = 13, 9
# Measured: `python -m benchmarks.memory scores`, the peak resident set over the number of scores; on a GPU not measured.
BYTES_SCORE = {"train": 22, "predict": 10}
# How many scores count as one word piece in `batch_pieces` and `predict_pieces`, by what a small encoder keeps of a piece.
SCORES_PER_PIECE = {"train": 8192, "predict": 2048}
SAFETY = 0.9  # of what is free: the formula is good to about 10 percent upwards
CPU_PROGRAM = 0.6e9  # a Python process with torch, spaCy and a vocabulary, before the encoder (measured: 0.4)


@dataclass(frozen=True)
class Peak:
    """Bytes at the peak of a step, by part. `gradients`: the second set of them, held when the activations are gone."""

    weights: int
    activations: int
    fixed: int
    gradients: int = 0

    @property
    def total(self) -> int:
        """All parts that are there at once."""
        return self.weights + max(self.activations, self.gradients) + self.fixed


def budget_per_piece(length: float, span_labels: int, mode: str = "train") -> float:
    """What a word piece in a row of `length` counts in `batch_pieces` ("train") or `predict_pieces` ("predict"): itself and,
    where spans of so many labels are scored, its share of the row's scores."""
    return 1 + length * span_labels / SCORES_PER_PIECE[mode]


def saved_bytes(shape: EncoderShape, half: bool) -> int:
    """Bytes that autograd saves for one word piece in one layer, attention matrices aside."""
    wide = 4 if shape.gated else 2
    if half:
        return 28 * shape.hidden + 2 * wide * shape.intermediate
    return 38 * shape.hidden + 4 * wide * shape.intermediate


def training_peak(
    shape: EncoderShape,
    pieces: int,
    length: int,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    gradient_checkpointing: bool = False,
    frozen_layers: int = 0,
    accumulated: bool = False,
    span_labels: int = 0,
) -> Peak:
    """Peak of one update whose micro-batches have `pieces` word pieces in rows of `length`, in bytes.

    `device` is "cpu" or "cuda..."; `precision` "fp32", "bf16" or "fp16". Frozen layers are the lowest ones, the
    embeddings among them: they keep no gradient, no moments and no activations. `accumulated`: the update has more
    than one micro-batch. `span_labels`: the labels of a `cloudner_spans`, 0 for a tagger.
    """
    frozen = _frozen(shape, frozen_layers)
    trained = shape.parameters - frozen
    cast = BYTES_CAST * shape.parameters if precision != "fp32" else 0
    per_piece = _per_piece(shape, length, device, precision, gradient_checkpointing, frozen_layers)
    per_piece += _scores(length, span_labels, "train")
    return Peak(
        trained * BYTES_TRAINED + frozen * BYTES_FROZEN + cast,
        round(per_piece * pieces),
        round(CPU_FIXED if device == "cpu" else GPU_FIXED),
        trained * BYTES_GRADIENT if accumulated else 0,
    )


def _frozen(shape: EncoderShape, layers: int) -> int:
    if not layers:
        return 0
    frozen = shape.embedding_parameters + min(layers, shape.layers) * shape.layer_parameters
    return min(frozen, shape.parameters)


def _per_piece(
    shape: EncoderShape, length: int, device: str, precision: str, checkpointing: bool, frozen_layers: int
) -> float:
    half = precision != "fp32"
    layer = saved_bytes(shape, half) * (CPU_FACTOR if device == "cpu" else GPU_FACTOR)
    layer += _attention(shape, length, device, half)
    live = max(0, shape.layers - frozen_layers)
    if checkpointing:
        # Each layer keeps its input; one layer at a time is computed again, twice over at its peak.
        return 4 * shape.hidden * live + 3 * layer
    return layer * (live + 1)  # one more for embeddings, head and loss


def _scores(length: int, span_labels: int, mode: str) -> int:
    return BYTES_SCORE[mode] * length * span_labels


def _attention(shape: EncoderShape, length: int, device: str, half: bool) -> float:
    if device == "cpu":
        return CPU_ATTENTION * shape.heads * length
    if shape.fused_attention:
        return 4 * shape.heads  # the kernel keeps one fp32 normaliser a row
    return (GPU_ATTENTION_HALF if half else GPU_ATTENTION_FP32) * shape.heads * length


def prediction_peak(
    shape: EncoderShape,
    pieces: int,
    length: int,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    span_labels: int = 0,
) -> Peak:
    """Peak of predicting one batch, in bytes: no gradients. On a CPU about two layers of what training would save.
    `span_labels`: as in `training_peak`."""
    half = precision != "fp32"
    scores = _scores(length, span_labels, "predict")
    weights = shape.parameters * (BYTES_FROZEN + (BYTES_CAST if half else 0))
    attention = _attention(shape, length, device, half)
    if device == "cpu":
        per_piece = 2 * (saved_bytes(shape, half) * CPU_FACTOR + attention) + scores
        return Peak(weights, round(per_piece * pieces), round(CPU_FIXED))
    alive = (3 if shape.gated else 2) * shape.intermediate + 4 * shape.hidden
    per_piece = (2 if half else 4) * alive * GPU_PREDICTION_FACTOR + 2 * attention + scores
    return Peak(weights, round(per_piece * pieces), round(GPU_FIXED))


def most_pieces(
    shape: EncoderShape,
    free: float,
    length: int,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    gradient_checkpointing: bool = False,
    frozen_layers: int = 0,
    accumulated: bool = False,
    span_labels: int = 0,
) -> int:
    """How many word pieces a micro-batch may have so that the peak stays below `free` bytes; 0 if none may.
    `accumulated`, `span_labels`: as in `training_peak`."""
    empty = training_peak(
        shape,
        0,
        length,
        device=device,
        precision=precision,
        frozen_layers=frozen_layers,
        accumulated=accumulated,
    )
    if empty.total > free:
        return 0
    each = _per_piece(shape, length, device, precision, gradient_checkpointing, frozen_layers)
    each += _scores(length, span_labels, "train")
    return int((free - empty.weights - empty.fixed) / each)
