"""`recommend`: the settings that fit a machine, an encoder and a corpus: arithmetic over what was detected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from cloudner.encoders.folders import DEFAULT_ENCODER
from cloudner.encoders.limits import window_for
from cloudner.encoders.shape import EncoderShape
from cloudner.errors import of_kind
from cloudner.hardware.machine.facts import GIB, GPU, Hardware
from cloudner.hardware.machine.kernels import runs_on
from cloudner.hardware.machine.precision import best_on_cpu, best_on_gpu, usable
from cloudner.hardware.planning.memory import (
    CPU_PROGRAM,
    SAFETY,
    budget_per_piece,
    most_pieces,
    prediction_peak,
    training_peak,
)
from cloudner.hardware.planning.settings import Settings
from cloudner.hardware.planning.stats import CorpusStats

# More pieces at once than this gain nothing: the device is busy with far fewer.
MOST_TRAIN = {"cpu": 4096, "cuda": 65536}
MOST_PREDICT = {"cpu": 4096, "cuda": 131072}
# With fewer pieces a GPU waits for its launches; computing activations twice is then the lesser evil.
ENOUGH_PIECES = {"cpu": 512, "cuda": 2048}


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
    span_labels: int = 0,
) -> Settings:
    """Device, precision, batch sizes and checkpointing for this machine, encoder and corpus.

    `hardware` None: this machine, detected now. `encoder`: a shape, or a name as in the config (default: the
    embedded one). `corpus` None: documents may be as long as a window. `window`: longest row in word pieces
    (default: 512 or the encoder's limit). `device` ("cpu", "cuda", "cuda:0"), `precision` and
    `gradient_checkpointing` are kept where given. `accumulate_gradient`: batches of `docs_per_update` per update.
    `span_labels`: how many labels a `cloudner_spans` has, whose scores of spans need memory too; 0 for a tagger. Word pieces in
    the settings then are as `batch_pieces` counts them, the scores among them.
    Raises `ConfigError` for an encoder whose sizes cannot be found.
    """
    if hardware is None:
        from cloudner.hardware.machine.detect import detect_hardware

        hardware = detect_hardware()
    shape = (
        encoder if isinstance(encoder, EncoderShape) else EncoderShape.from_name(encoder or DEFAULT_ENCODER)
    )
    limit = window_for(shape.max_length, window)
    row = max(8, min(limit, corpus.longest) if corpus else limit)
    gpu, why = choose_gpu(hardware, device)
    wish = _Wish(
        docs_per_update, frozen_layers, precision, gradient_checkpointing, accumulate_gradient, span_labels
    )
    chosen = _Case(hardware, gpu, shape, row, wish).settings(why)
    if gpu is None or device is not None or chosen.fits:
        return chosen
    on_cpu = _Case(hardware, None, shape, row, wish).settings(
        f"{gpu.name} has too little free memory for {shape.name}; the CPU's RAM is enough"
    )
    return on_cpu if on_cpu.fits else chosen


def choose_gpu(machine: Hardware, device: str | None = None) -> tuple[GPU | None, str]:
    """The GPU to train on (the one asked for, or the one with most free memory) and why; None for the CPU."""
    of_kind(machine, Hardware, "a machine", "what detect_hardware() gives")
    if device == "cpu":
        return None, "as asked"
    cards = [gpu for gpu in machine.gpus if not gpu.integrated]
    archs = list(machine.torch_archs)
    if archs and not machine.torch_hip:
        cards = [g for g in cards if g.compute_capability is None or runs_on(g.compute_capability, archs)]
    if machine.torch_sees_gpu is False or not (machine.torch_cuda or machine.torch_hip):
        cards = []
    if not cards:
        if machine.mps:
            return None, "Apple's MPS is not used for training; on the CPU"
        if machine.gpus or machine.pci_gpus:
            return None, "the GPU cannot be used as things are: see `cloudner doctor`"
        return None, "no GPU in this machine"
    if device:
        number = device.partition(":")[2]
        asked = [gpu for gpu in cards if str(gpu.index) == number]
        return (asked or cards)[0], "as asked"
    best = max(cards, key=_free)
    return best, f"{best.name}" + (", the GPU with most free memory" if len(cards) > 1 else "")


def _free(gpu: GPU) -> float:
    return float(gpu.memory_total - 0.5 * GIB if gpu.memory_free is None else gpu.memory_free)


@dataclass(frozen=True)
class _Wish:
    """What the caller has settled, or asks for."""

    docs_per_update: int
    frozen_layers: int
    precision: str | None
    gradient_checkpointing: bool | None
    accumulate_gradient: int
    span_labels: int


@dataclass(frozen=True)
class _Case:
    """One device of a machine, an encoder, and rows of so many word pieces."""

    machine: Hardware
    gpu: GPU | None
    shape: EncoderShape
    row: int
    wish: _Wish
    precision: str = ""

    @property
    def kind(self) -> str:
        return "cpu" if self.gpu is None else "cuda"

    @property
    def free(self) -> float:
        """Bytes that training may have."""
        return _free(self.gpu) if self.gpu is not None else max(0.0, self.machine.ram_available - CPU_PROGRAM)

    @property
    def counted(self) -> int:
        """What a row counts in `batch_pieces`."""
        return int(self.row * budget_per_piece(self.row, self.wish.span_labels))

    @property
    def update(self) -> int:
        """The same of an update of the longest documents."""
        return self.wish.docs_per_update * self.counted

    def settings(self, why: str) -> Settings:
        """What fits this device, which was chosen for the reason `why`."""
        precision, why_precision = self._precision()
        case = replace(self, precision=precision)
        checkpointing, room, why_checkpointing = case._checkpointing()
        pieces = min(max(MOST_TRAIN[self.kind], self.counted), max(room, self.counted))
        least = int(self.row * budget_per_piece(self.row, self.wish.span_labels, "predict"))
        predict = max(least, min(MOST_PREDICT[self.kind], case._predict_room()))
        accumulation = max(1, -(-self.update // pieces))
        several = "es; the update is the same as in one" if accumulation > 1 else ""
        return Settings(
            device="cpu" if self.gpu is None else f"cuda:{self.gpu.index}",
            mixed_precision=precision,
            batch_pieces=pieces,
            gradient_checkpointing=checkpointing,
            predict_pieces=predict,
            accumulation=accumulation,
            threads=max(1, int(self.machine.cpus)),
            fits=room >= self.counted,
            peak_bytes=case._peak(pieces, checkpointing, accumulation > 1),
            free_bytes=int(self.free),
            reasons={
                "device": why,
                "mixed_precision": why_precision,
                "gradient_checkpointing": why_checkpointing,
                "batch_pieces": case._why_pieces(pieces, room),
                "predict_pieces": "as many as help"
                if predict == MOST_PREDICT[self.kind]
                else "what fits beside the optimizer during evaluation",
                "accumulation": f"an update of {self.wish.docs_per_update} of the longest documents ({self.row} word "
                f"pieces each) takes {accumulation} micro-batch{several}",
                "threads": f"{self.machine.cpus:g} CPUs may be used",
            },
        )

    def _precision(self) -> tuple[str, str]:
        if self.shape.fp32_only:
            return "fp32", f"the code of {self.shape.name} cannot compute in half precision"
        if self.gpu is None:
            best, why = best_on_cpu(self.machine.cpu_flags)
        else:
            best, why = best_on_gpu(self.gpu.compute_capability, bool(self.machine.torch_hip))
        wanted = self.wish.precision or "auto"
        if wanted not in ("fp32", "bf16", "fp16"):
            return best, why
        used = usable(wanted, best, self.kind)
        return used, "as asked" if used == wanted else f"{wanted} was asked for; {why}"

    def _checkpointing(self) -> tuple[bool, int, str]:
        """Whether to, the word pieces that then fit, and why."""
        asked = self.wish.gradient_checkpointing
        if asked is not None:
            return asked, self._room(asked), "as asked"
        room = self._room(False)
        if room < max(self.counted, ENOUGH_PIECES[self.kind]):
            more = self._room(True)
            if more > room or more < self.counted:  # where nothing fits, what is least over may still run
                why = (
                    f"on: only {room} word pieces fit without it, {more} with it, for a third more computing"
                )
                return True, more, why
        return False, room, f"off: {room} word pieces fit without it"

    def _room(self, checkpointing: bool) -> int:
        """Word pieces of a micro-batch that fits."""

        def most(accumulated: bool) -> int:
            found = most_pieces(
                self.shape,
                SAFETY * self.free,
                self.row,
                device=self.kind,
                precision=self.precision,
                gradient_checkpointing=checkpointing,
                frozen_layers=self.wish.frozen_layers,
                accumulated=accumulated,
                span_labels=self.wish.span_labels,
            )
            return int(found * budget_per_piece(self.row, self.wish.span_labels))

        whole = most(False) if self.wish.accumulate_gradient == 1 else 0
        return whole if whole >= self.update else most(True)

    def _predict_room(self) -> int:
        # evaluation runs beside the optimizer state of training, so its batches share what training leaves
        how: dict[str, Any] = {"device": self.kind, "precision": self.precision}
        training = training_peak(self.shape, 0, self.row, **how)
        labels = self.wish.span_labels
        each = prediction_peak(self.shape, 1, self.row, span_labels=labels, **how).activations
        most = (SAFETY * self.free - training.total) / each
        return max(0, int(most * budget_per_piece(self.row, labels, "predict")))

    def _peak(self, pieces: int, checkpointing: bool, accumulated: bool) -> int:
        return training_peak(
            self.shape,
            int(min(pieces, self.update) / budget_per_piece(self.row, self.wish.span_labels)),
            self.row,
            device=self.kind,
            precision=self.precision,
            gradient_checkpointing=checkpointing,
            frozen_layers=self.wish.frozen_layers,
            accumulated=accumulated or self.wish.accumulate_gradient > 1,
            span_labels=self.wish.span_labels,
        ).total

    def _why_pieces(self, pieces: int, room: int) -> str:
        if room < self.counted:
            scores = f" with the scores of {self.wish.span_labels} labels" if self.wish.span_labels else ""
            return (
                f"not even one row of {self.row} word pieces{scores} fits into {self.free / GIB:.1f} GiB; choose a smaller "
                "encoder, freeze its lower layers, or set a smaller window"
            )
        if pieces == MOST_TRAIN[self.kind]:
            return f"{pieces} padded word pieces are as many as help"
        where = "of the card's free memory" if self.gpu is not None else "of the free RAM"
        return f"{pieces} padded word pieces use {SAFETY:.0%} {where}"
