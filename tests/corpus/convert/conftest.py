"""Fixtures for the tests of the conversion."""

import pytest

from corpus.converting import CSV


@pytest.fixture
def source(tmp_path):
    """A table with two texts and their entities."""
    path = tmp_path / "x.csv"
    path.write_text(CSV)
    return path
