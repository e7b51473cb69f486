"""Tag schemes: what may follow what, and spans there and back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudner.errors import ConfigError
from cloudner.pieces.scheme import TagScheme


def is_valid(tags: list[str], name: str) -> bool:
    """Spelled out tag by tag."""
    before = "O"
    for tag in [*tags, None]:
        goes_on = tag is not None and tag[0] in "IL"
        if name == "BILUO":
            must = before[0] in "BI"
            if must != (goes_on and tag[2:] == before[2:]):
                return False
            if not must and goes_on:
                return False
        elif goes_on and (before == "O" or before[2:] != tag[2:]):
            return False
        before = tag or "O"
    return True


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
def test_invalid_agrees_with_the_rules(name):
    scheme = TagScheme(("A", "B"), name)
    paths = list(itertools.product(range(scheme.n_tags), repeat=3 if name == "BILUO" else 4))
    flat = np.array(paths, dtype=np.int64).ravel()
    offsets = np.arange(0, len(flat) + 1, len(paths[0]))
    expected = [not is_valid([scheme.tags[t] for t in path], name) for path in paths]
    np.testing.assert_array_equal(scheme.invalid(flat, offsets), expected)


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_spans_to_tags_and_back(name, data):
    scheme = TagScheme(("A", "B", "C"), name)
    rows, offsets, everything = [], [0], []
    for _ in range(data.draw(st.integers(1, 3))):
        n = data.draw(st.integers(0, 9))
        bounds = sorted(data.draw(st.lists(st.integers(0, n), max_size=6, unique=True)))
        spans = [
            (a, b, data.draw(st.integers(0, 2))) for a, b in zip(bounds[::2], bounds[1::2], strict=False)
        ]
        rows.append(scheme.encode(n, spans))
        everything += [(a + offsets[-1], b + offsets[-1], label) for a, b, label in spans]
        offsets.append(offsets[-1] + n)
    tags = np.concatenate(rows).astype(np.int64)
    assert not scheme.invalid(tags, np.array(offsets)).any()
    assert [tuple(row) for row in scheme.decode(tags, np.array(offsets)).tolist()] == everything


def test_an_entity_ends_with_its_document():
    scheme = TagScheme(("A",))
    tags = np.array([0, 1, 2, 2, 0])  # O B | I I O: the second doc may not start with I
    assert scheme.invalid(tags, np.array([0, 2, 5])).tolist() == [False, True]
    assert scheme.decode(np.array([0, 1, 1, 2, 0]), np.array([0, 2, 5])).tolist() == [[1, 2, 0], [2, 4, 0]]


def test_names():
    assert TagScheme(("A",), "BILUO").tags == ["O", "B-A", "I-A", "L-A", "U-A"]
    assert TagScheme(("A", "B")).tags == ["O", "B-A", "I-A", "B-B", "I-B"]
    assert TagScheme(()).n_tags == 1
    with pytest.raises(ConfigError, match="BIO or BILUO"):
        TagScheme(("A",), "IOBES")
