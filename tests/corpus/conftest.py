"""Fixtures for the tests of corpus/."""

import pytest

from corpus.reading import DocAligner


@pytest.fixture(scope="module")
def aligner():
    return DocAligner("en")
