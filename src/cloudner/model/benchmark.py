"""`time_training`: how fast this machine trains, by timing a few of the component's own updates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from thinc.api import Optimizer

from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.encoders.shape import EncoderShape
from cloudner.errors import DeviceError, of_kind
from cloudner.hardware.planning.speed import Calibration, flops_per_piece
from cloudner.hardware.planning.stats import CorpusStats
from cloudner.model.cpu.dropout import pool_dropout
from cloudner.model.cpu.sparse_embeddings import sparse_table
from cloudner.model.network.batch import Sequences
from cloudner.model.network.sequences import padded_length
from cloudner.model.network.tag_network import Network
from cloudner.model.runners.own_encoder import EncoderRunner
from cloudner.model.settings import Settings
from cloudner.model.shim import TaggerShim
from cloudner.model.training.optimizer import adamw
from cloudner.model.training.passes import plain

LABELS = 17  # BIO tags of eight entity types
MOST_LAYERS, MOST_VOCAB = 6, 32000  # of the timed network; more of the same does not change the rate
_UPDATES = 12
_WARM_PIECES = 512
_BUFFER = 64  # updates' documents that the batcher sorts at a time


def time_training(
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

    Each update is `docs_per_update` documents of similar length, padded to the longest, then a step of the fused
    AdamW, with the shipped configs' settings. A length is not timed at first sight, when its kernels are loaded or
    generated, of which an epoch has little. torch's random numbers go on afterwards as if nothing had drawn any. Stops after `budget` seconds of timed updates (two are always timed); an
    update that would take more than a quarter of that has fewer documents. Deep encoders are cut to six layers and
    their step time is scaled by parameters. `clock` may be `time.process_time` with one thread on a machine that is
    shared with other work. Raises `DeviceError` if the device does not work.
    """
    if encoder is not None:
        of_kind(encoder, (str, EncoderShape), "an encoder", "a name or a folder")
    shape = (
        encoder if isinstance(encoder, EncoderShape) else EncoderShape.from_name(encoder or DEFAULT_ENCODER)
    )
    stats = corpus or CorpusStats.from_numbers(10_000)
    began = clock()
    before = torch.get_num_threads()
    state = _random_state(device)
    try:
        if threads:
            torch.set_num_threads(threads)
        runner = _runner(shape, device, precision)
        optimizer = adamw(1e-5)
        updates = _updates(stats, docs_per_update)
        one = replace(shape, layers=min(shape.layers, MOST_LAYERS))
        flops = computing = stepping = 0.0
        timed = pieces = 0
        warm: set[tuple[int, int]] = set()  # rows and their padded length
        most = float("inf")  # FLOPs of one update
        for number, lengths in enumerate([updates[len(updates) // 2], *updates]):
            width = max(lengths)
            row = width * flops_per_piece(one, width)
            rows = _WARM_PIECES // width if number == 0 else int(min(most / row, len(lengths)))
            lengths = sorted(lengths, reverse=True)[: max(1, rows)]
            if number and (len(lengths), width) not in warm:
                _update(runner, optimizer, lengths, lambda: 0.0)
                warm.add((len(lengths), width))
            forward, step = _update(runner, optimizer, lengths, clock)
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
        parameters = sum(p.numel() for p in runner.network.parameters())
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
        _set_random_state(device, state)


def _random_state(device: str) -> list[torch.Tensor]:
    state = [torch.get_rng_state()]
    return (
        [*state, torch.cuda.get_rng_state(device)]
        if device.startswith("cuda") and torch.cuda.is_available()
        else state
    )


def _set_random_state(device: str, state: list[torch.Tensor]) -> None:
    torch.set_rng_state(state[0])
    for of_device in state[1:]:
        torch.cuda.set_rng_state(of_device, device)


def _runner(shape: EncoderShape, device: str, precision: str) -> EncoderRunner:
    """The component's runner around a BERT of this shape."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=min(shape.vocab, MOST_VOCAB),
        hidden_size=shape.hidden,
        num_hidden_layers=min(shape.layers, MOST_LAYERS),
        num_attention_heads=shape.heads,
        # a gated layer's three matrices are timed as two wider ones
        intermediate_size=shape.intermediate * 3 // 2 if shape.gated else shape.intermediate,
        max_position_embeddings=512,
        attention_probs_dropout_prob=0.0 if device == "cpu" else 0.1,  # configs/cpu.cfg and gpu.cfg
    )
    torch.manual_seed(0)
    network = Network(BertModel(config, add_pooling_layer=False), LABELS)
    pool_dropout(network.encoder)
    shim = TaggerShim(device=device, mixed_precision=precision)
    try:
        shim.set_network(network, device=torch.device(device))
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(
            f"{device} cannot be used: {str(error).splitlines()[0]}", fix="cloudner doctor"
        ) from None
    return EncoderRunner(shim, Settings("timed"))


def _updates(stats: CorpusStats, docs_per_update: int) -> list[list[int]]:
    """Document lengths of a few updates, from short to long documents, shuffled so that a cut-off is fair."""
    docs = sorted(min(512, length) for length in stats.sample(docs_per_update * _BUFFER))
    batches = [docs[i : i + docs_per_update] for i in range(0, len(docs), docs_per_update)]
    picked = [batches[(2 * i + 1) * len(batches) // (2 * _UPDATES)] for i in range(_UPDATES)]
    # alternately from the middle outwards
    middle = len(picked) // 2
    return sorted(picked, key=lambda batch: (abs(picked.index(batch) - middle), picked.index(batch)))


def _update(
    runner: EncoderRunner, optimizer: Optimizer, lengths: list[int], clock: Callable[[], float]
) -> tuple[float, float]:
    """(seconds of forward and backward, seconds of the optimizer step) of one update."""
    network, device = runner.network, runner.shim.device
    width = padded_length(max(lengths), 512, device)
    vocabulary = network.encoder.get_input_embeddings().num_embeddings  # type: ignore[operator]
    ids = torch.randint(5, vocabulary, (len(lengths), width), device=device)
    sizes = np.asarray(lengths)
    inside = torch.arange(width) < torch.from_numpy(sizes)[:, None]
    batch = Sequences(
        ids,
        None if min(lengths) == width else torch.from_numpy(sizes).to(device),
        inside.flatten().nonzero()[:, 0].to(device),
    )
    tags = torch.randint(0, LABELS, (int(sizes.sum()),), device=device)
    _wait(device)
    began = clock()
    with sparse_table(network.encoder):
        plain(runner, batch, tags, sizes, len(tags))
    _wait(device)
    middle = clock()
    runner.shim.finish_update(optimizer)
    _wait(device)
    return middle - began, clock() - middle


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
