"""`calibrate`: how fast this machine trains, by timing a few real fine-tuning updates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cloudner.hardware.encoder import EncoderShape
from cloudner.hardware.speed import Rate, flops_per_piece
from cloudner.hardware.stats import CorpusStats

LABELS = 17  # BIO tags of eight entity types
MOST_LAYERS, MOST_VOCAB = 6, 32000  # of the timed network; more of the same does not change the rate
_UPDATES = 12
_WARM_PIECES = 512
_BUFFER = 64


@dataclass(frozen=True)
class Calibration:
    """Measured rates: FLOP/s of forward and backward, seconds a parameter of an optimizer step."""

    flops: float
    step: float
    device: str
    precision: str
    threads: int
    updates: int  # timed
    pieces: int  # computed in them, padding included
    seconds: float  # of the whole calibration, torch's import aside

    @property
    def rate(self) -> Rate:
        """The same as `speed` wants it; the cost of a call is contained in the rate."""
        return Rate(self.flops, step=self.step, basis="measured")


def calibrate(
    encoder: EncoderShape | str | None = None,
    corpus: CorpusStats | None = None,
    *,
    device: str = "cpu",
    precision: str = "fp32",
    threads: int | None = None,
    docs_per_update: int = 16,
    budget: float = 20.0,
    clock: Callable[[], float] = time.perf_counter,
) -> Calibration:
    """Time fine-tuning updates of an encoder of this shape (random weights) on documents of this corpus' lengths.

    Each update is `docs_per_update` documents of similar length, padded to the longest, then one fused AdamW
    step, as in training. Stops after `budget` seconds of updates (two are always timed); an update that would take
    more than a quarter of that has fewer documents. Deep encoders are cut to six layers and their step time is scaled
    by parameters. `clock` may be `time.process_time` with one thread on a
    machine that is shared with other work. Raises `DeviceError` if the device does not work.
    """
    import torch
    from transformers import BertConfig, BertModel

    from cloudner.errors import DeviceError
    from cloudner.hardware.recommend import DEFAULT_ENCODER

    shape = (
        encoder if isinstance(encoder, EncoderShape) else EncoderShape.from_name(encoder or DEFAULT_ENCODER)
    )
    stats = corpus or CorpusStats.from_numbers(10_000)
    began = clock()
    before = torch.get_num_threads()
    try:
        if threads:
            torch.set_num_threads(threads)
        layers = min(shape.layers, MOST_LAYERS)
        config = BertConfig(
            vocab_size=min(shape.vocab, MOST_VOCAB),
            hidden_size=shape.hidden,
            num_hidden_layers=layers,
            num_attention_heads=shape.heads,
            # a gated layer's three matrices are timed as two wider ones
            intermediate_size=shape.intermediate * 3 // 2 if shape.gated else shape.intermediate,
            max_position_embeddings=max(512, min(shape.max_length, 512)),
        )
        torch.manual_seed(0)
        try:
            network = torch.nn.ModuleList(
                [BertModel(config, add_pooling_layer=False), torch.nn.Linear(shape.hidden, LABELS)]
            ).to(device)
        except (RuntimeError, AssertionError) as error:
            raise DeviceError(
                f"{device} cannot be used: {str(error).splitlines()[0]}", fix="cloudner doctor"
            ) from None
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
        flops = computing = stepping = 0.0
        timed = pieces = 0
        scaler = torch.amp.GradScaler(enabled=precision == "fp16" and device != "cpu")
        updates = _updates(stats, docs_per_update)
        one = shape if layers == shape.layers else _cut(shape, layers)
        most = float("inf")  # FLOPs of one update
        for number, lengths in enumerate([updates[len(updates) // 2], *updates]):
            width = max(lengths)
            row = width * flops_per_piece(one, width)
            rows = _WARM_PIECES // width if number == 0 else int(min(most / row, len(lengths)))
            lengths = sorted(lengths, reverse=True)[: max(1, rows)]
            forward, step = _update(
                torch, network, optimizer, scaler, lengths, config, device, precision, clock
            )
            if number == 0:  # the first one allocates and warms up; it is slower than those to come
                most = len(lengths) * row / max(forward, 1e-9) * budget / 4
                continue
            flops += len(lengths) * row
            computing += forward
            stepping += step
            pieces += len(lengths) * width
            timed += 1
            if timed >= 2 and computing + stepping > budget:
                break
        parameters = sum(p.numel() for p in network.parameters())
        return Calibration(
            flops / computing,
            stepping / timed / parameters,
            device,
            precision,
            torch.get_num_threads(),
            timed,
            pieces,
            clock() - began,
        )
    finally:
        torch.set_num_threads(before)


def _cut(shape: EncoderShape, layers: int) -> EncoderShape:
    from dataclasses import replace

    return replace(shape, layers=layers)


def _updates(stats: CorpusStats, docs_per_update: int) -> list[list[int]]:
    """Document lengths of a few updates, from short to long documents, shuffled so that a cut-off is fair."""
    docs = sorted(min(512, length) for length in stats.sample(docs_per_update * _BUFFER))
    batches = [docs[i : i + docs_per_update] for i in range(0, len(docs), docs_per_update)]
    picked = [batches[(2 * i + 1) * len(batches) // (2 * _UPDATES)] for i in range(_UPDATES)]
    # alternately from the middle outwards
    middle = len(picked) // 2
    return sorted(picked, key=lambda batch: (abs(picked.index(batch) - middle), picked.index(batch)))


def _update(
    torch: Any,
    network: Any,
    optimizer: Any,
    scaler: Any,
    lengths: list[int],
    config: Any,
    device: str,
    precision: str,
    clock: Callable[[], float],
) -> tuple[float, float]:
    """(seconds of forward and backward, seconds of the optimizer step) of one update."""
    encoder, head = network
    width = max(lengths)
    ids = torch.randint(5, config.vocab_size, (len(lengths), width), device=device)
    gold = torch.randint(0, LABELS, (len(lengths), width), device=device)
    mask = torch.arange(width)[None, :] < torch.tensor(lengths)[:, None]
    mask = mask.to(device)
    kind = torch.bfloat16 if precision == "bf16" else torch.float16
    _wait(torch, device)
    began = clock()
    with torch.autocast(device.partition(":")[0], dtype=kind, enabled=precision != "fp32"):
        hidden = encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        loss = torch.nn.functional.cross_entropy(head(hidden[mask]).float(), gold[mask])
    scaler.scale(loss).backward()
    _wait(torch, device)
    middle = clock()
    scaler.unscale_(optimizer)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)  # as training does
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    _wait(torch, device)
    return middle - began, clock() - middle


def _wait(torch: Any, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
