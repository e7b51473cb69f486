"""`recommend`: the settings that fit a machine, an encoder and a corpus. Pure arithmetic over detected facts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.encoders.limits import window_for
from cloudner.encoders.shape import EncoderShape
from cloudner.hardware.machine import GIB, GPU, Hardware
from cloudner.hardware.memory import (
    CPU_PROGRAM,
    SAFETY,
    most_pieces,
    prediction_peak,
    training_peak,
)
from cloudner.hardware.stats import CorpusStats

# More pieces at once than this gain nothing: the device is busy with far fewer.
MOST_TRAIN = {"cpu": 4096, "cuda": 65536}
MOST_PREDICT = {"cpu": 4096, "cuda": 131072}
# With fewer pieces a GPU waits for its launches; computing activations twice is then the lesser evil.
ENOUGH_PIECES = {"cpu": 512, "cuda": 2048}


@dataclass(frozen=True)
class Settings:
    """Settings for training and prediction, each with a sentence in `reasons`.

    `batch_pieces`, `predict_batch_pieces`: most padded word pieces computed at once. `accumulation`: micro-batches
    that an update of the longest documents takes. `peak_bytes` is what the formula predicts for the longest rows,
    `free_bytes` what there is; `fits` is whether the first stays below.
    """

    device: str
    precision: str
    batch_pieces: int
    gradient_checkpointing: bool
    predict_batch_pieces: int
    accumulation: int
    threads: int
    compile: bool = False
    fits: bool = True
    peak_bytes: int = 0
    free_bytes: int = 0
    reasons: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def recommend(
    hardware: Hardware | None = None,
    encoder: EncoderShape | str | None = None,
    corpus: CorpusStats | None = None,
    *,
    docs_per_update: int = 16,
    window: int | None = None,
    frozen_layers: int = 0,
    device: str | None = None,
    precision: str | None = None,
    gradient_checkpointing: bool | None = None,
    accumulate_gradient: int = 1,
) -> Settings:
    """Device, precision, batch sizes and checkpointing for this machine, encoder and corpus.

    `hardware` None: this machine, detected now. `encoder`: a shape, or a name as in the config (default: the
    embedded one). `corpus` None: documents may be as long as a window. `window`: longest row in word pieces
    (default: 512 or the encoder's limit). `device` ("cpu", "cuda", "cuda:0"), `precision` and
    `gradient_checkpointing` are kept where given. `accumulate_gradient`: batches of `docs_per_update` an update.
    Raises `ConfigError` for an encoder whose sizes cannot be found.
    """
    if hardware is None:
        from cloudner.hardware.detect import detect_hardware

        hardware = detect_hardware()
    shape = (
        encoder if isinstance(encoder, EncoderShape) else EncoderShape.from_name(encoder or DEFAULT_ENCODER)
    )
    limit = window_for(shape.max_length, window)
    row = max(8, min(limit, corpus.longest) if corpus else limit)

    reasons: dict[str, str] = {}
    gpu, reasons["device"] = choose_gpu(hardware, device)
    wish = _Wish(docs_per_update, frozen_layers, precision, gradient_checkpointing, accumulate_gradient)
    if gpu is not None and device is None:
        chosen = _settings(hardware, gpu, shape, row, wish, dict(reasons))
        if chosen.fits:
            return chosen
        on_cpu = _settings(hardware, None, shape, row, wish, dict(reasons))
        if not on_cpu.fits:
            return chosen
        why = f"{gpu.name} has too little free memory for {shape.name}; the CPU's RAM is enough"
        return _with_reason(on_cpu, "device", why)
    return _settings(hardware, gpu, shape, row, wish, reasons)


@dataclass(frozen=True)
class _Wish:
    """What the caller has settled, or asks for."""

    docs_per_update: int
    frozen_layers: int
    precision: str | None
    gradient_checkpointing: bool | None
    accumulate_gradient: int


def _with_reason(settings: Settings, name: str, sentence: str) -> Settings:
    return Settings(**{**asdict(settings), "reasons": {**settings.reasons, name: sentence}})


def choose_gpu(machine: Hardware, device: str | None = None) -> tuple[GPU | None, str]:
    """The GPU to train on (the one asked for, or the one with most free memory) and why; None for the CPU."""
    from cloudner.hardware.gpu_rules import runs_on

    if device == "cpu":
        return None, "as asked"
    usable = [gpu for gpu in machine.gpus if not gpu.integrated]
    archs = list(machine.torch_archs)
    if archs and not machine.torch_hip:
        usable = [g for g in usable if g.compute_capability is None or runs_on(g.compute_capability, archs)]
    if machine.torch_sees_gpu is False or not (machine.torch_cuda or machine.torch_hip):
        usable = []
    if not usable:
        if machine.mps:
            return None, "Apple's MPS is not used for training; on the CPU"
        if machine.gpus or machine.pci_gpus:
            return None, "the GPU cannot be used as things are: see `cloudner doctor`"
        return None, "no GPU in this machine"
    if device and ":" in device:
        number = device.partition(":")[2]
        usable = [gpu for gpu in usable if str(gpu.index) == number] or usable
        return usable[0], "as asked"
    best = max(usable, key=_free)
    if device:
        return usable[0], "as asked"
    return best, f"{best.name}" + (", the GPU with most free memory" if len(usable) > 1 else "")


def _free(gpu: GPU) -> float:
    return float(gpu.memory_total - 0.5 * GIB if gpu.memory_free is None else gpu.memory_free)


def choose_precision(machine: Hardware, gpu: GPU | None) -> tuple[str, str]:
    """bf16, fp16 or fp32 for this device, and why."""
    if gpu is None:
        if machine.has_bf16_cpu:
            return "bf16", "this CPU multiplies bf16 in hardware"
        return "fp32", "without AVX512-BF16 or AMX, bf16 is slower than fp32 on a CPU"
    if machine.torch_hip:
        return "bf16", "AMD's matrix cores have bf16"
    capability = gpu.compute_capability
    if capability is None:
        return "fp32", "the card's compute capability is not known"
    text = f"compute capability {capability[0]}.{capability[1]}"
    if capability >= (8, 0):
        return "bf16", f"{text}: bf16 is as fast as fp16 and cannot overflow"
    if capability >= (7, 0):
        return "fp16", f"{text} has fp16 tensor cores and no bf16; the loss is scaled"
    return "fp32", f"{text} has no tensor cores"


def _settings(
    machine: Hardware,
    gpu: GPU | None,
    shape: EncoderShape,
    row: int,
    wish: _Wish,
    reasons: dict[str, str],
) -> Settings:
    kind = "cpu" if gpu is None else "cuda"
    best, reasons["precision"] = choose_precision(machine, gpu)
    if shape.fp32_only:
        best, reasons["precision"] = "fp32", f"the code of {shape.name} cannot compute in half precision"
    elif wish.precision in ("fp32", "bf16", "fp16"):
        best, reasons["precision"] = wish.precision, "as asked"
    free = _free(gpu) if gpu is not None else max(0.0, machine.ram_available - CPU_PROGRAM)
    budget = SAFETY * free

    update = wish.docs_per_update * row

    def fitting(checkpointing: bool) -> int:
        def most(accumulated: bool) -> int:
            return most_pieces(
                shape,
                budget,
                row,
                device=kind,
                precision=best,
                gradient_checkpointing=checkpointing,
                frozen_layers=wish.frozen_layers,
                accumulated=accumulated,
            )

        whole = most(False) if wish.accumulate_gradient == 1 else 0
        return whole if whole >= update else most(True)

    checkpointing = bool(wish.gradient_checkpointing)
    room = fitting(checkpointing)
    if wish.gradient_checkpointing is not None:
        reasons["gradient_checkpointing"] = "as asked"
    else:
        reasons["gradient_checkpointing"] = f"off: {room} word pieces fit without it"
    if wish.gradient_checkpointing is None and room < max(row, ENOUGH_PIECES[kind]):
        more = fitting(True)
        if more > room or more < row:  # where nothing fits, what is least over may still run
            checkpointing = True
            reasons["gradient_checkpointing"] = (
                f"on: only {room} word pieces fit without it, {more} with it, for a third more computing"
            )
            room = more
    fits = room >= row
    pieces = min(MOST_TRAIN[kind], max(room, row))
    where = "of the card's free memory" if gpu is not None else "of the free RAM"
    reasons["batch_pieces"] = (
        f"{pieces} padded word pieces"
        + (" are as many as help" if pieces == MOST_TRAIN[kind] else f" use {SAFETY:.0%} {where}")
        if fits
        else f"not even one row of {row} word pieces fits into {free / GIB:.1f} GiB; choose a smaller encoder, "
        "freeze its lower layers, or set a smaller window"
    )
    predict = max(row, min(MOST_PREDICT[kind], _predict_room(shape, budget, row, kind, best)))
    accumulation = max(1, -(-update // pieces))
    reasons["predict_batch_pieces"] = (
        "as many as help"
        if predict == MOST_PREDICT[kind]
        else "what fits beside the optimizer during evaluation"
    )
    reasons["accumulation"] = (
        f"an update of {wish.docs_per_update} of the longest documents ({row} word pieces each) takes {accumulation} "
        "micro-batch" + ("es; the update is the same as in one" if accumulation > 1 else "")
    )
    peak = training_peak(
        shape,
        min(pieces, update),
        row,
        device=kind,
        precision=best,
        gradient_checkpointing=checkpointing,
        frozen_layers=wish.frozen_layers,
        accumulated=accumulation > 1 or wish.accumulate_gradient > 1,
    )
    threads = max(1, int(machine.cpus))
    reasons["threads"] = f"{machine.cpus:g} CPUs may be used"
    reasons["compile"] = "rows of many lengths would be compiled again and again"
    return Settings(
        device="cpu" if gpu is None else f"cuda:{gpu.index}",
        precision=best,
        batch_pieces=pieces,
        gradient_checkpointing=checkpointing,
        predict_batch_pieces=predict,
        accumulation=accumulation,
        threads=threads,
        fits=fits,
        peak_bytes=peak.total,
        free_bytes=int(free),
        reasons=reasons,
    )


def _predict_room(shape: EncoderShape, budget: float, row: int, kind: str, precision: str) -> int:
    # evaluation runs beside the optimizer state of training, so its batches share what training leaves
    training = training_peak(shape, 0, row, device=kind, precision=precision)
    each = prediction_peak(shape, 1, row, device=kind, precision=precision).activations
    return max(0, int((budget - training.total) / each))
