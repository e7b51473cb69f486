"""`annotate` as the tests call it, and pipelines that load at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import spacy

import cloudner


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """`annotate` of a source into `out`, quietly; by the fixture `trained_folder` where no other pipeline is named."""

    def call(source: Any, target: Any = tmp_path / "out", model: Any = None, **options: Any) -> Any:
        model = model or request.getfixturevalue("trained_folder")
        return cloudner.annotate(
            source, target, **{"model": model, "workers": 1, "device": "cpu", "log": False, **options}
        )

    return call


@pytest.fixture
def ruler(tmp_path: Path) -> Any:
    """Saves a pipeline that knows the given words, and nothing else."""

    def save(name: str, *words: str) -> Path:
        nlp = spacy.blank("xx")  # English has thousands of exceptions to load
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "KNOWN", "pattern": word} for word in words])
        nlp.to_disk(tmp_path / name)
        return tmp_path / name

    return save
