"""Fixtures for all rooms: tiny encoders, made once a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Nothing here may ask a hub: a test that would is a test that fails without a network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Before torch is loaded. The networks are tiny: threads of one step only wait for each other, spinning, and a training
# step costs 15 times the CPU time where a core is taken. Threads of several are for `make test-lowest` and `test-newest`.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


def _seed() -> None:
    from thinc.api import fix_random_seed

    fix_random_seed(0)


@pytest.fixture(scope="module", autouse=True)
def seeded_module() -> None:
    """What a module's own fixtures train does not depend on the tests before it."""
    _seed()


@pytest.fixture(autouse=True)
def seeded(seeded_module: None) -> None:
    """Nor does what a test trains."""
    _seed()


@pytest.fixture(scope="session", autouse=True)
def export_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Exported encoders go to a temporary folder, not into the user's."""
    os.environ["CLOUDNER_CACHE"] = str(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny random encoder of a family in `tiny.FAMILIES`."""
    import tiny

    made: dict[str, Path] = {}

    def folder(family: str) -> Path:
        if family not in made:
            made[family] = tiny.write_encoder(family, tmp_path_factory.mktemp("encoders") / family)
        return made[family]

    return folder


@pytest.fixture(scope="session")
def bert(encoder_folder: Callable[[str], Path]) -> Path:
    return encoder_folder("bert")


@pytest.fixture(scope="session")
def roberta(encoder_folder: Callable[[str], Path]) -> Path:
    return encoder_folder("roberta")


@pytest.fixture(scope="session")
def trained_folder(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline on disk that knows `tiny.DATA` by heart, also where something stands before it.

    What it makes of a text that it was not trained on is another on every kind of CPU.
    """
    import tiny

    prefixes = ("", "🙂 ", "🙂🙂 ", "🙂 北京 ")
    data = [example for prefix in prefixes for example in tiny.prefixed(prefix)]
    nlp = tiny.overfit(tiny.make_nlp(bert), data=data)
    folder = tmp_path_factory.mktemp("trained") / "pipeline"
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A `fresh.Fresh`: `fresh.run("-c", code, ...)` and `fresh.run("-m", module, ...)` in a process of their own."""
    from fresh import Fresh

    made = Fresh(tmp_path_factory.mktemp("fresh"))
    yield made
    made.close()


@pytest.fixture
def trained(trained_folder: Path):
    """That pipeline, loaded anew for each test."""
    import spacy

    return spacy.load(trained_folder)
