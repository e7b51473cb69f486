"""Every span that a pipeline finds possible in a document, with its probability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc

from cloudner.errors import ConfigError
from cloudner.loading import cloudner_pipes

if TYPE_CHECKING:
    from spacy.language import Language

# Spans below this probability are not looked for: an annotation that is not among them is as good as ruled out.
FLOOR = 0.001
_KEY = "cloudner-review"


class LikelySpan(NamedTuple):
    """A span of tokens, end exclusive, and the probability that exactly it is an entity of this label."""

    start: int
    end: int
    label: str
    probability: float


def unannotated(docs: Iterable[Doc], nlp: Language) -> Iterator[Doc]:
    """The same tokens in the vocabulary of `nlp`, without any annotation."""
    for doc in docs:
        words = [token.text for token in doc]
        spaces = [bool(token.whitespace_) for token in doc]
        yield Doc(nlp.vocab, words=words, spaces=spaces)


def likely_spans(nlp: Language, docs: Sequence[Doc]) -> Iterator[list[LikelySpan]]:
    """Of each document the spans whose probability is at least `FLOOR`, by start. The documents go through the pipeline as
    they are. Raises ConfigError for a pipeline without a cloudner component that writes `doc.ents`."""
    pipes = list(cloudner_pipes(nlp))
    if not pipes:
        raise ConfigError(
            f"no cloudner component among {', '.join(nlp.pipe_names) or 'no components'}",
            expected="a pipeline trained with `cloudner train`",
        )
    keys = [f"{_KEY}-{number}" for number in range(len(pipes))]
    before = [dict(pipe.cfg) for pipe in pipes]
    for pipe, key in zip(pipes, keys, strict=True):
        pipe.cfg.update(spans_key=key, spans_floor=FLOOR)
    try:
        for doc in nlp.pipe(docs):
            spans = [
                LikelySpan(span.start, span.end, span.label_, min(1.0, float(p)))
                for key in keys
                if key in doc.spans
                for span, p in zip(doc.spans[key], doc.spans[key].attrs["scores"], strict=True)
            ]
            yield sorted(spans)
    finally:
        for pipe, cfg in zip(pipes, before, strict=True):
            pipe.cfg.update(spans_key=cfg["spans_key"], spans_floor=cfg["spans_floor"])
