"""`modelscope:owner/name`: an encoder downloaded from ModelScope over its HTTP interface, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path, PurePosixPath
from typing import Any

from cloudner.encoders.cache import keep_encoder, kept_encoder
from cloudner.errors import ConfigError

logger = logging.getLogger("cloudner")

PREFIX = "modelscope:"
_HOST = "https://modelscope.cn"
_REVISION = "master"
_WANTED = (".safetensors", ".json", ".txt")  # nothing that could be code or pickled
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SECONDS = 60  # without a byte
_BLOCK = 1 << 20
_MOST_LISTED = 8 << 20  # bytes of a listing


def is_ours(name: str) -> bool:
    return name.startswith(PREFIX)


def endpoint() -> str:
    """$MODELSCOPE_DOMAIN, as ModelScope's own programs read it (a host, with or without https://), else modelscope.cn."""
    given = os.environ.get("MODELSCOPE_DOMAIN", "").rstrip("/")
    if not given:
        return _HOST
    return given if "://" in given else f"https://{given}"


def cached(name: str) -> Path | None:
    """The folder of `modelscope:owner/name` where it has been downloaded, or None. Raises ConfigError for a name that is none."""
    return kept_encoder(_key(name))


def download(name: str) -> Path:
    """The folder of `modelscope:owner/name`: config.json, model.safetensors and what the tokenizer needs.

    Only .safetensors, .json and .txt files are fetched, into the user's cache, all of them or none; sizes and, where ModelScope
    states them, SHA-256 are checked. Raises ConfigError for a name that is none, where ModelScope does not answer, and where the
    model has no config.json or no safetensors; InputError where the cache cannot be written.
    """
    key = _key(name)
    there = kept_encoder(key)
    if there is not None:
        return there
    model = name.removeprefix(PREFIX)
    files = _files(model)

    def make(folder: Path) -> None:
        size = sum(file["Size"] for file in files)
        logger.warning("Downloading %s: %d files, %.0f MB, from %s", name, len(files), size / 1e6, endpoint())
        for file in files:
            _fetch(model, file, folder)

    return keep_encoder(key, make)


def _key(name: str) -> str:
    model = name.removeprefix(PREFIX)
    if not _NAME.fullmatch(model) or set(model.split("/")) & {".", ".."}:
        raise ConfigError(
            f"no model of ModelScope can be called {model!r}",
            expected="modelscope:owner/name",
            fix="modelscope:iic/nlp_structbert_backbone_base_std",
        )
    return f"modelscope--{model.replace('/', '--')}"


def _files(model: str) -> list[dict[str, Any]]:
    """Path, Size and Sha256 ("" where not stated) of the files that an encoder needs, of the top folder alone."""
    query = urllib.parse.urlencode({"Revision": _REVISION, "Recursive": "False"})
    with _open(model, f"repo/files?{query}") as answer:
        try:
            listed = json.loads(answer.read(_MOST_LISTED))["Data"]["Files"]
            found: list[dict[str, Any]] = [
                {
                    "Path": str(file["Path"]),
                    "Size": int(file["Size"]),
                    "Sha256": str(file.get("Sha256") or ""),
                }
                for file in listed
                if file.get("Type") != "tree"
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _unanswered(model, "the list of files cannot be read") from None
    files = [f for f in found if f["Path"].endswith(_WANTED) and PurePosixPath(f["Path"]).name == f["Path"]]
    names = {file["Path"] for file in files}
    if "config.json" not in names:
        raise ConfigError(f"{PREFIX}{model} has no config.json", expected="a Hugging Face encoder")
    if not any(name.endswith(".safetensors") for name in names):
        raise ConfigError(
            f"{PREFIX}{model} has no model.safetensors",
            expected="weights as safetensors; pickled weights can run code and are never opened",
        )
    return files


def _fetch(model: str, file: dict[str, Any], folder: Path) -> None:
    query = urllib.parse.urlencode({"Revision": _REVISION, "FilePath": file["Path"]})
    digest, size = hashlib.sha256(), 0
    with _open(model, f"repo?{query}") as answer, (folder / file["Path"]).open("wb") as out:
        while block := _read(answer, model):
            size += len(block)
            if size > file["Size"]:
                break
            digest.update(block)
            out.write(block)
    if size != file["Size"] or file["Sha256"].lower() not in ("", digest.hexdigest()):
        raise _unanswered(model, f"{file['Path']} did not arrive whole")


def _read(answer: Any, model: str) -> bytes:
    try:
        return bytes(answer.read(_BLOCK))
    except (OSError, ValueError) as error:
        raise _unanswered(model, str(error)) from error


def _open(model: str, rest: str) -> Any:
    url = f"{endpoint()}/api/v1/models/{urllib.parse.quote(model)}/{rest}"
    if not url.startswith(("https://", "http://")):
        raise ConfigError(f"MODELSCOPE_DOMAIN is {endpoint()!r}", expected="a host such as modelscope.cn")
    try:
        request = urllib.request.Request(url, headers={"User-Agent": "cloudner"})
        return urllib.request.urlopen(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        raise _unanswered(model, f"it answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise _unanswered(model, str(getattr(error, "reason", error))) from None


def _unanswered(model: str, why: str) -> ConfigError:
    return ConfigError(
        f"cannot download {PREFIX}{model} from {endpoint()}: {why}",
        expected="the name of a model on ModelScope",
        fix=f"https://modelscope.cn/models/{model} in a browser; MODELSCOPE_DOMAIN names another host; or a folder as the encoder",
    )
