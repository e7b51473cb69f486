"""A training config in which everything that was left "auto" is decided for this machine and this data."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.errors import ConfigError, InputError
from cloudner.overrides import check_overrides, read_config
from cloudner.training.ranks.scaling import scale_batch, told
from cloudner.training.values import names, whole, word

if TYPE_CHECKING:
    from cloudner.hardware import Hardware

logger = logging.getLogger("cloudner")

_ONLY_SPACY = "spacy.Corpus.v1 reads .spacy files only, cloudner.Corpus.v1 the other formats too"


@dataclass
class Resolution:
    """A config ready for `spacy train`.

    config: all values are numbers and names, but for `device`: it stays "auto", since a pipeline goes to other
    machines. device: where to train, for `cloudner.model.device.computing_on`. use_gpu: for `--gpu-id`; -1 where CuPy
    does not work, or on the CPU. rows: (setting, value, why) of what was decided here. hardware, settings: as JSON.
    """

    config: Any
    device: str
    use_gpu: int
    rows: list[tuple[str, Any, str]] = field(default_factory=list)
    hardware: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def resolve(
    config_path: str | Path,
    *,
    gpu_id: str | int = "auto",
    overrides: dict[str, Any] | None = None,
    encoder: str | None = None,
    ranks: int = 1,
    scale: bool = False,
) -> Resolution:
    """Read a training config and turn every "auto" in it into a value for this machine and this data.

    gpu_id: "auto", -1 for the CPU, or a GPU's number. overrides: dotted names, as spaCy takes them; with training.max_epochs
    among them the config's min_steps does not count. encoder: in place of the config's (None: as it is). ranks: processes
    that train together; scale: multiply the batch by them. Raises InputError for a missing file and ConfigError for
    settings that cannot work.
    """
    from cloudner.hardware import recommend
    from cloudner.loading import check_shared, use_device

    if not Path(config_path).is_file():
        raise InputError("no such config", file=str(config_path), fix="configs/cpu.cfg")
    overrides = overrides or {}
    check_overrides(overrides)
    config = read_config(config_path, overrides)
    scaled = scale_batch(config, ranks) if scale and ranks > 1 else []
    check_shared(config)
    row = take_request(config, overrides, encoder)
    ours = owners(config.interpolate())
    plain = config.interpolate()
    device = _device(gpu_id)  # before the detection: a GPU that is woken first answers it in time
    hardware = _hardware(device)
    made = Resolution(config, device, use_gpu=-1, hardware=_summary(hardware))
    made.rows.append(("device", device, _why(device, gpu_id)))
    if ranks > 1:
        made.rows += [told(plain, ranks, device), *scaled]
    if row is not None:
        made.rows.append(row)
    if device != "cpu" and use_device(device):
        made.use_gpu = int(device.split(":")[1])
    elif device != "cpu" and any(name not in ours for name in plain["nlp"]["pipeline"]):
        logger.warning(
            "CuPy does not work: only cloudner's components use the GPU. See `spacy cloudner doctor`."
        )
    for name in ours:
        model = config["components"][name]["model"]
        settings = recommend(
            hardware,
            plain["components"][name]["model"]["encoder"],
            None,
            device=device,
            **_sizes(name, model, plain),
        )
        made.settings = settings.to_dict()
        for key, value in settings.for_config().items():
            if model.get(key, "auto") == "auto":
                model[key] = value
                made.rows.append((f"{name}.{key}", value, settings.reasons[key]))
    _resolve_steps(made, plain)
    return made


def _sizes(name: str, model: Any, plain: Any) -> dict[str, Any]:
    """What the config says of a component's batches and number format, as `recommend` takes it. Raises ConfigError for values of
    the wrong kind."""
    training, window = plain["training"], model.get("window")
    batch_size = training.get("batcher", {}).get("batch_size") or 16
    formats, switch = "auto, fp32, bf16 or fp16", "auto, true or false"
    precision = word(model.get("mixed_precision", "auto"), f"{name}.mixed_precision", formats)
    again = word(model.get("gradient_checkpointing", "auto"), f"{name}.gradient_checkpointing", switch)
    gathered = training.get("accumulate_gradient") or 1
    return {
        "docs_per_update": whole(batch_size, "training.batcher.batch_size", 1),
        "window": None if window is None else whole(window, f"{name}.window", 3),
        "frozen_layers": whole(model.get("freeze_layers", 0), f"{name}.freeze_layers", 0),
        "precision": _said(precision, {False: "fp32"}),
        "gradient_checkpointing": _said(again),
        "accumulate_gradient": whole(gathered, "training.accumulate_gradient", 1),
    }


def read_asked(config_path: Path, overrides: dict[str, Any], encoder: str | None) -> dict[str, Any]:
    """What a training is asked for, see `what_is_asked`. Raises InputError for a missing file and ConfigError for settings that
    do not exist."""
    from cloudner.training.asked import what_is_asked

    if not config_path.is_file():
        raise InputError("no such config", file=str(config_path), fix="configs/cpu.cfg")
    check_overrides(overrides)
    plain = read_config(config_path, overrides, interpolate=True)
    return what_is_asked(config_path, overrides, encoder, plain)


def resolve_again(kept: dict[str, Any], *, gpu_id: str | int = "auto", ranks: int = 1) -> Resolution:
    """The resolution of a resumed training: its numbers are those it began with, the device is this machine's.

    kept: as `kept_settings` wrote it. Warns where the device is of another kind: the result is then not bit for bit what it
    would have been.
    """
    from thinc.api import Config

    from cloudner.loading import use_device

    device = _device(gpu_id)
    made = Resolution(Config().from_str(kept["config"], interpolate=False), device, use_gpu=-1)
    made.hardware, made.settings = _summary(_hardware(device)), kept["settings"]
    made.rows = [("device", device, _why(device, gpu_id))]
    made.rows += [told(made.config.interpolate(), ranks, device)] if ranks > 1 else []
    made.rows += [(name, value, why) for name, value, why in kept["rows"] if name not in ("device", "ranks")]
    if device != "cpu" and use_device(device):
        made.use_gpu = int(device.split(":")[1])
    if device.partition(":")[0] != kept["device"].partition(":")[0]:
        logger.warning(
            "The training began on %s and goes on on %s: the result is not bit for bit what it would have been.",
            kept["device"],
            device,
        )
    return made


def take_request(config: Any, overrides: dict[str, Any], encoder: str | None) -> tuple[str, str, str] | None:
    """Settle in a config what overrides and an encoder bring along: epochs are meant as they are, a language has its tokenizer
    (the row for the table of settings), and an encoder is also the one whose pieces are the tokens."""
    from cloudner.training.language import fit_tokenizer, follow_encoder

    if "training.max_epochs" in overrides and "training.optimizer.learn_rate.min_steps" not in overrides:
        rate = config["training"].get("optimizer", {}).get("learn_rate")
        if isinstance(rate, dict) and "min_steps" in rate:  # other schedules do not know it
            rate["min_steps"] = 0
    row = fit_tokenizer(config, overrides)
    if encoder:
        for name in owners(config.interpolate()):
            config["components"][name]["model"]["encoder"] = encoder
        follow_encoder(config, encoder)
    return row


def owners(plain: Any) -> list[str]:
    """Names of components whose model owns its encoder."""
    return [
        name
        for name in names(plain["nlp"]["pipeline"], "nlp.pipeline")
        if str(plain["components"].get(name, {}).get("model", {}).get("@architectures", "")).startswith(
            ("cloudner.TransformerNER", "cloudner.SpansNER")
        )
    ]


def _device(gpu_id: str | int) -> str:
    from cloudner.loading import choose_device

    if str(gpu_id) == "auto":
        return choose_device("auto")
    try:
        number = int(gpu_id)
    except ValueError:
        raise ConfigError(f"gpu id {gpu_id!r}", expected='"auto", -1 for the CPU, or a GPU number') from None
    return "cpu" if number < 0 else choose_device(f"cuda:{number}")


def _said(value: Any, names: dict[Any, Any] | None = None) -> Any:
    """The value of a config setting; None where it is left open (spaCy's true of `mixed_precision` is "auto")."""
    if value == "auto" or (names and value is True):
        return None
    return (names or {}).get(value, value)


def _hardware(device: str) -> Hardware:
    """This machine; of a device that computes, what torch knows of it where the detection's second was too short."""
    from cloudner.hardware import detect_hardware
    from cloudner.hardware.machine.gpu import computing, with_computing

    machine = detect_hardware()
    if device == "cpu":
        return machine
    import torch

    seen = computing(torch, int(device.split(":")[1]))
    return with_computing(machine, seen, torch.version.cuda, torch.version.hip)


def _why(device: str, gpu_id: str | int) -> str:
    if str(gpu_id) != "auto":
        return f"--gpu-id {gpu_id}"
    return "no working CUDA device" if device == "cpu" else "a computation on it succeeded"


def _resolve_steps(made: Resolution, plain: Any) -> None:
    """Total steps, evaluation frequency and last step, counted on the training data with the config's batcher."""
    from spacy.util import load_model_from_config, resolve_dot_names
    from thinc.api import Config

    from cloudner.corpus.training.batcher import register_counter
    from cloudner.model.network.encoder import load_tokenizer
    from cloudner.model.training.steps import resolve_training
    from cloudner.pieces.cache import PieceCache
    from cloudner.training.unknown import tell_unknown

    training = made.config["training"]
    rate = training.get("optimizer", {}).get("learn_rate")
    if not isinstance(rate, dict) or rate.get("total_steps") != "auto":
        return
    if (training.get("max_epochs") or 0) < 0:
        raise ConfigError(
            'total_steps = "auto" with max_epochs = -1: a stream has no known length',
            fix="set training.max_steps and training.optimizer.learn_rate.total_steps",
        )
    # An empty pipeline in the config's language makes the documents; no component is built for it.
    blank = Config({**plain, "nlp": {**plain["nlp"], "pipeline": []}, "components": {}})
    nlp = load_model_from_config(blank, auto_fill=True)
    for key in ("train", "dev"):
        path = plain.get("paths", {}).get(key)
        if path and "://" not in str(path) and not Path(path).exists():
            raise InputError(
                f"no {key} corpus", file=str(path), expected="a .spacy file",
                fix=f"python -m spacy cloudner convert YOUR_FILE {path}, or python -m spacy project run convert",
            )  # fmt: skip
    filled = nlp.config.interpolate()
    (corpus,) = resolve_dot_names(filled, [filled["training"]["train_corpus"]])
    examples = list(corpus(nlp))
    if not examples:
        path = plain.get("paths", {}).get("train")
        raise InputError(
            "the training corpus is empty", file=str(path), expected=f"documents; {_ONLY_SPACY}",
            fix=f"python -m spacy cloudner convert {path} corpus/train.spacy" + f" --lang {nlp.lang}" * (nlp.lang != "en"),
        )  # fmt: skip
    if ours := owners(plain):  # the batches of training are cut by the encoder's pieces
        encoder = plain["components"][ours[0]]["model"]["encoder"]
        counter = PieceCache(load_tokenizer(encoder))
        register_counter(counter)
        tell_unknown(counter.tokenizer, examples, encoder)
    training_epochs = training.get("max_epochs")
    found = resolve_training(made.config, examples)
    total = "epochs x batches of the corpus"
    if "prolonged_from" in found:
        total = f"min_steps: {training_epochs} epochs of this small corpus are only {found['prolonged_from']}"
    elif "cut_to" in found:
        total = f"max_steps is {found['cut_to']}, counted from 0"
    reasons = {
        "total_steps": total,
        "max_steps": "the last step, counted from 0",
        "eval_frequency": "at most an epoch; the last step is evaluated",
    }
    made.rows += [(key, found[key], reasons[key]) for key in reasons if key in found]


def _summary(hardware: Any) -> dict[str, Any]:
    """The facts a reader of a report asks for."""
    facts = hardware.to_dict() if hasattr(hardware, "to_dict") else dict(vars(hardware))
    wanted = ("system", "machine", "python", "cpu_name", "cpus", "ram_total", "gpus", "torch", "cuda", "cupy", "thinc",
              "spacy", "transformers", "driver")  # fmt: skip
    return {key: facts[key] for key in wanted if facts.get(key)}


def settings_rows(made: Resolution) -> Iterator[tuple[str, str, str]]:
    for name, value, why in made.rows:
        yield name, str(value), why
