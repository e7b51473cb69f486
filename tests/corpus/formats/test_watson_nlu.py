"""Watson NLU's output."""

import json

import pytest

from cloudner.errors import InputError
from corpus.reading import read_all


def test_watson_without_its_text(tmp_path):
    item = {"entities": [{"type": "PER", "text": "Ann", "mentions": [{"text": "Ann", "location": [0, 3]}]}]}
    with pytest.raises(InputError, match="return_analyzed_text"):
        read_all(tmp_path, "a.json", json.dumps(item))
