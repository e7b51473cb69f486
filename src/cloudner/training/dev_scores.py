"""The scores of the best pipeline on the dev data, kept from its evaluation for the calibration at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example

from cloudner.component import Cloudner
from cloudner.model.decoding.evidence import Evidence
from cloudner.pieces.annotations import preset
from cloudner.pieces.gold import gold_tags
from cloudner.training.batches import fixed

# Scores that are kept: 64 MiB of them. With more the dev data is predicted once more at the end.
_MOST = 1 << 24


class DevScores:
    """best: what the last evaluation of which `keep` was told had computed; None where it cannot stand for a prediction
    of the saved pipeline."""

    def __init__(self, pipe: Any, examples: Callable[[], Sequence[Example]]) -> None:
        self._pipe, self._examples = pipe, examples
        self._seen: list[tuple[int, Any]] | None = None  # (documents, Emissions); None: not usable
        self._moves: Any = None
        self.best: Evidence | None = None

    def listening(self, evaluate: Callable[[], Any]) -> Callable[[], Any]:
        """`evaluate`, listened to."""
        pipe, own, left = self._pipe, self._pipe._emit, _MOST

        def emit(docs: list[Doc]) -> Any:
            nonlocal left
            emissions = own(docs)
            if emissions is not None:
                left -= int(emissions.offsets[-1]) * len(pipe.scheme.tags)
            if left < 0 or preset(docs).any():  # what is preset is decoded otherwise, in place
                self._seen = None
            if self._seen is not None:
                self._seen.append((len(docs), emissions))
            return emissions

        def evaluated() -> Any:
            nonlocal left
            self._seen, left = [], _MOST
            pipe._emit = emit
            try:
                result = evaluate()
            finally:
                del pipe._emit
            self._moves = pipe._shim.transitions()  # now: averages may stand in for the weights
            return result

        return evaluated

    def keep(self) -> None:
        """The evaluation was the best one so far."""
        self.best = self._evidence()
        self._seen = None

    def _evidence(self) -> Evidence | None:
        seen, examples, pipe = self._seen, list(self._examples()), self._pipe
        if not seen or sum(docs for docs, _ in seen) != len(examples):  # one failed and was taken again
            return None
        lengths = [np.zeros(n, np.int64) if e is None else np.diff(e.offsets) for n, e in seen]
        rows = [emissions.scores for _, emissions in seen if emissions is not None]
        if not rows:
            return None
        key, others = pipe.cfg["gold_spans_key"], Counter[str]()  # of labels that training has not
        gold = gold_tags(examples, pipe.scheme, spans_key=key, name=pipe.name, others=others)
        return Evidence(
            np.concatenate(rows),
            np.concatenate([[0], np.cumsum(np.concatenate(lengths))]),
            gold,
            pipe.scheme,
            self._moves,
            others,
        )


def dev_scores(
    nlp: Any, settings: Any, dev: Any, read: Callable[[Any], Sequence[Example]]
) -> DevScores | None:
    """For a pipeline that is one tagger alone, saved as it is evaluated, and a dev corpus that is the same each time; None
    for any other. settings: [training], resolved; read: `dev`, held."""
    pipes = [pipe for _, pipe in nlp.pipeline]
    if settings["before_to_disk"] or len(pipes) != 1 or type(pipes[0]) is not Cloudner or not fixed(dev):
        return None
    if pipes[0].cfg["threshold"]:  # the calibration then decides by confidences, too, what is found
        return None
    return DevScores(pipes[0], lambda: read(nlp))
