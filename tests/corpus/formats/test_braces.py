"""Entities in double braces."""

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all


def test_braces_that_mark_nothing(tmp_path):
    for bad in ("{{PER:Ann}} {{x}} {{PER:Ann}}", "{{PER:Ann", "Ann}}"):
        with pytest.raises(InputError, match=r"a\.txt:12: braces"):
            read_all(tmp_path, "a.txt", "{{PER:Ann}} ran.\n" * 11 + bad + "\n")
