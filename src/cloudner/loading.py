"""`load`: which trained pipeline, and on which device."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.atomic import take_back
from cloudner.errors import CloudnerError, ConfigError, DeviceError, InputError, of_kind
from cloudner.json_files import check_kinds, json_of, text_of

if TYPE_CHECKING:
    from spacy.language import Language

logger = logging.getLogger("cloudner")

BEST = Path("training") / "model-best"
# What spaCy raises as it reads a damaged pipeline.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, RecursionError)


def load(
    name: str | Path | None = None,
    *,
    device: str = "auto",
    precision: str = "auto",
    backend: str = "auto",
    threshold: float | None = None,
    **kwargs: Any,
) -> Language:
    """A trained pipeline, ready on the fastest device that works.

    name: a folder, or an installed pipeline package. Without it: the environment variable CLOUDNER_MODEL, else
        `training/model-best` of the nearest project, from the working directory upwards.
    device: "auto" (CUDA when a computation on it succeeds), "cpu", "cuda", "cuda:1". The components go there whatever
        their config says. It becomes the process's device: spaCy's ops, and torch's current CUDA device.
    precision: of prediction: "auto", "fp32", "bf16", "fp16", or "int8" (CPU). Where a component predicts in fp32 on a
        GPU of compute capability 8.0 or more, fp32 products of this process are computed in TF32 from then on
        (`torch.backends.cuda.matmul.allow_tf32`; NVIDIA_TF32_OVERRIDE=0 keeps it out).
    backend: what computes the encoder in prediction: "torch", "onnxruntime" or "openvino" (CPU; the extras
        cloudner[onnx] and cloudner[openvino]), or "auto": ONNX Runtime for int8 where it is installed, else torch.
        The encoder is exported once into $CLOUDNER_CACHE, else the user's cache folder.
    threshold: leave out entities below this probability.
    kwargs: those of `spacy.load` (vocab, disable, enable, exclude, config).

    Raises InputError when there is no such pipeline, DeviceError when a device asked for does not work, ConfigError
    for a threshold that is no probability, an unknown precision, a backend that is not installed or cannot do it, and
    a transformer of spacy-transformers where that is not installed.
    """
    import spacy

    from cloudner.model.device import WITH_THINC, computing_on
    from cloudner.model.process import allow_tf32

    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigError(f"threshold = {threshold}", expected="a probability from 0 to 1")
    found = find_pipeline(name)
    if isinstance(found, Path):
        check_folder(found)
        check_shared(found / "config.cfg")  # a package has asked pip for what it needs
    chosen = choose_device(device)
    use_device(chosen)
    try:
        with computing_on(chosen, always=True):
            nlp = spacy.load(found, **kwargs)
    except CloudnerError:
        raise
    except _DAMAGE as error:
        denied = "permission denied: " if isinstance(error, PermissionError) else ""
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"cannot load a pipeline from {str(found)!r}: {denied}{first}") from error
    for pipe in cloudner_pipes(nlp):
        shim = pipe.model.shims[0]
        if shim.wanted_device != WITH_THINC:
            shim.wanted_device = chosen
        set_precision(pipe, precision, backend)
        if chosen != "cpu" and _in_fp32(shim, precision):
            allow_tf32()
        if threshold is not None:
            pipe.cfg["threshold"] = float(threshold)
    return nlp


def loaded(model: str | Path | Language | None, device: str = "auto") -> Language:
    """A pipeline, which may be one already. Raises what `load` raises."""
    from spacy.language import Language

    if isinstance(model, Language):
        return model
    if model is not None:
        of_kind(model, (str, os.PathLike), "a pipeline", "a loaded one, its folder or its name")
    return load(model, device=device)


def find_pipeline(name: str | Path | None = None) -> str | Path:
    """The folder or package name that `load(name)` loads. Raises InputError that says what to type."""
    from spacy.util import is_package

    asked = name if name is not None else os.environ.get("CLOUDNER_MODEL") or None
    if asked is not None:
        of_kind(asked, (str, os.PathLike), "a pipeline", "a folder, or the name of a package")
        said = "CLOUDNER_MODEL" if name is None else "load"
        path = Path(asked).expanduser()
        for candidate in (path, path / BEST, path / "model-best"):
            if _is_pipeline(candidate):
                return candidate
        if path.is_dir():
            raise InputError(
                f"{said}: {str(path)!r} is a folder, but no pipeline",
                expected="a folder with config.cfg and meta.json, such as training/model-best",
                fix="ls the folder; training that was interrupted leaves none",
            )
        if is_package(str(asked)):
            return str(asked)
        raise InputError(
            f"{said}: no folder and no installed pipeline package {str(asked)!r}",
            expected="a folder such as training/model-best, or the name of an installed package",
            fix="python -m spacy project run train, then cloudner.load() inside the project",
        )
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_pipeline(folder / BEST):
            return folder / BEST
    raise InputError(
        f"no trained pipeline: neither $CLOUDNER_MODEL nor {BEST} in {here} or above it",
        fix='python -m spacy project run train, or cloudner.load("path/to/model-best")',
    )


def _is_pipeline(folder: Path) -> bool:
    """Raises InputError where this user may not look."""
    try:
        take_back(folder)  # of a training that was killed as it put a new one in place
        return (folder / "meta.json").is_file() and (folder / "config.cfg").is_file()
    except PermissionError as error:
        raise InputError(
            "permission denied: this user may not look into it",
            file=str(folder),
            fix=f"chmod -R a+rX {folder}",
        ) from error


def check_folder(folder: Path) -> None:
    """Raises InputError where config.cfg or meta.json of a pipeline's folder cannot be read or is not what it should be."""
    from thinc.api import Config

    said = "the folder as training left it"
    check_kinds(folder)
    try:
        config = Config().from_str(text_of(folder / "config.cfg"), interpolate=False)
        meta = json_of(text_of(folder / "meta.json"))
    except PermissionError as error:
        raise InputError(
            "permission denied: this user may not read it",
            file=str(error.filename),
            fix=f"chmod -R a+rX {folder}",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"config.cfg or meta.json is damaged: {first}", file=str(folder), expected=said
        ) from error
    if not isinstance(meta, dict):
        raise InputError("no JSON object", file=str(folder / "meta.json"), expected=said)
    if not isinstance(config.get("nlp"), dict) or "lang" not in config["nlp"]:
        raise InputError("no [nlp] with a lang in it", file=str(folder / "config.cfg"), expected=said)


def check_shared(config: str | Path | dict[str, Any]) -> None:
    """Raises ConfigError where a config names functions or the component of spacy-transformers and that is not
    installed: spaCy would name a factory that cannot be found, and no package."""
    from importlib.util import find_spec

    from cloudner.hardware.doctor.needs import read_needs
    from cloudner.hardware.doctor.rules import SHARED

    if read_needs(config).spacy_transformers and find_spec("spacy_transformers") is None:
        raise ConfigError(
            "the config has a transformer of spacy-transformers (spacy-transformers.TransformerListener.v1), which is "
            "not installed",
            file=None if isinstance(config, dict) else str(config),
            fix=f"{SHARED}, or cloudner.TransformerNER.v1, which has its own encoder and needs transformers alone",
        )


def choose_device(wanted: str = "auto") -> str:
    """ "cpu" or "cuda:N". CUDA counts only when a small computation on it succeeds. Raises DeviceError when a
    device that was asked for does not work."""
    if wanted == "cpu":
        return "cpu"
    import torch

    if wanted == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        wanted = "cuda:0"
        strict = False
    elif wanted.split(":")[0] in {"cuda", "gpu"}:
        wanted, strict = wanted.replace("gpu", "cuda"), True
        wanted = wanted if ":" in wanted else "cuda:0"
    else:
        raise DeviceError(f"device = {wanted!r}", expected='"auto", "cpu", "cuda" or "cuda:N"')
    try:
        ones = torch.ones(8, 8, device=wanted)
        if float((ones @ ones).sum()) != 512.0:
            raise RuntimeError("a matrix product came out wrong")
    except (RuntimeError, AssertionError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if strict:
            raise DeviceError(
                f"{wanted} does not work: {first}", fix="python -m spacy cloudner doctor"
            ) from error
        logger.warning(
            "The GPU does not work (%s): using the CPU. `python -m spacy cloudner doctor` says why.", first
        )
        return "cpu"
    return wanted


def use_device(device: str) -> bool:
    """Make "cpu" or "cuda:N" the process's device, for spaCy's ops and as torch's current one, on which it pins
    memory and makes its streams. Returns whether CuPy computes there; without it spaCy's ops stay on the CPU, and
    "auto" means the GPU only inside `cloudner.model.device.computing_on`."""
    import spacy

    if device == "cpu":
        spacy.require_cpu()
        return False
    number = int(device.split(":")[1])
    if cupy_works():
        return bool(spacy.require_gpu(number))
    import torch

    torch.cuda.set_device(number)
    return False


def cloudner_pipes(nlp: Language) -> Iterator[Any]:
    """The pipeline's cloudner components."""
    from cloudner.component import Cloudner

    for _, pipe in nlp.pipeline:
        if isinstance(pipe, Cloudner):
            yield pipe


def writers_of(nlp: Language, what: str) -> list[str]:
    """The components that write `doc.ents` or `doc.spans`."""
    return [name for name in nlp.pipe_names if what in nlp.get_pipe_meta(name).assigns]


def own_groups(nlp: Language) -> list[str]:
    """The groups that components `cloudner_spans` write, in the pipeline's order, where no other component writes
    `doc.ents`; none otherwise."""
    from cloudner.span_component import CloudnerSpans

    keys = [pipe.cfg["spans_key"] for _, pipe in nlp.pipeline if isinstance(pipe, CloudnerSpans)]
    return list(dict.fromkeys(keys)) if not writers_of(nlp, "doc.ents") else []


def own_group(nlp: Language) -> str | None:
    """The first of `own_groups`, which is the one that is scored; None where there is none."""
    return next(iter(own_groups(nlp)), None)


def set_precision(pipe: Any, precision: str, backend: str = "auto") -> None:
    """Predict in this precision, and by this backend, from now on. Raises ConfigError for an unknown precision, and
    for a backend that is not installed or cannot do it."""
    from cloudner.model.prediction.backends import check_backend
    from cloudner.model.prediction.copies import PREDICT_PRECISIONS

    if precision not in PREDICT_PRECISIONS:
        raise ConfigError(f"precision = {precision!r}", expected=", ".join(PREDICT_PRECISIONS))
    check_backend(backend)
    shim = pipe.model.shims[0]
    shim.inference_precision, shim.inference_backend = precision, backend
    shim.forget_predictor()
    if shim.ready and backend not in {"auto", "torch"}:
        shim.predictor()  # what was asked for by name fails here, not at the first text


def _in_fp32(shim: Any, precision: str) -> bool:
    return precision == "fp32" or (precision == "auto" and shim.ready and shim.precision == "fp32")


def cupy_works() -> bool:
    """Does a computation through CuPy succeed, and does thinc, which imports more of it (cuBLAS), take it?"""
    try:
        import cupy
        from thinc.compat import has_cupy_gpu

        from cloudner.hardware.machine.checks import own_memory

        with own_memory(cupy):
            return bool(has_cupy_gpu) and float(cupy.ones(4).sum()) == 4.0
    except Exception:  # whatever a broken CUDA setup raises: torch alone will do
        return False
