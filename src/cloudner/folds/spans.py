"""Every span that a pipeline finds possible in a document, with its probability."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from spacy.tokens import Doc
from spacy.training import Alignment

from cloudner.errors import ConfigError
from cloudner.loading import cloudner_pipes, own_group
from cloudner.report.evaluation.predictions import CharSpan
from cloudner.span_component import CloudnerSpans

if TYPE_CHECKING:
    from spacy.language import Language

# Spans below this probability are not looked for: an annotation that is not among them is as good as ruled out.
FLOOR = 0.001
_KEY = "cloudner-review"
_A_TOKEN = 64


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


def as_evaluated(docs: Iterable[Doc], nlp: Language) -> Iterator[Doc]:
    """The texts, split as the pipeline splits them; of a document whose white space is not known, its own tokens. No
    annotation. So does `cloudner evaluate` read them."""
    for doc in docs:
        if doc.has_unknown_spaces:
            yield from unannotated([doc], nlp)
        else:
            yield nlp.make_doc(doc.text)


def in_characters(made: Doc, gold: Doc, spans: Iterable[LikelySpan]) -> list[CharSpan]:
    """Spans of the tokens of `made` as characters of the gold document, whose text is the same but for white space."""
    if made.text == gold.text:
        doc, placed = made, list(spans)
    else:  # some tokenizers change white space
        align = Alignment.from_strings([token.text for token in made], [token.text for token in gold]).x2y
        doc, placed = gold, []
        for span in spans:
            here = align[span.start : span.end]
            if len(here):
                placed.append(span._replace(start=int(here[0]), end=int(here[-1]) + 1))
    places = ((doc[span.start], doc[span.end - 1], span) for span in placed)
    return [(first.idx, last.idx + len(last), span.label, span.probability) for first, last, span in places]


def on_tokens(doc: Doc, spans: Iterable[CharSpan]) -> list[LikelySpan]:
    """Spans of characters on a document's tokens; of those that are the same there, the most probable."""
    best: dict[tuple[int, int, str], float] = {}
    for start, end, label, p in spans:
        span = doc.char_span(start, end, alignment_mode="expand")
        if span is not None:
            key = span.start, span.end, label
            best[key] = max(best.get(key, 0.0), p or 0.0)
    return sorted(LikelySpan(*key, p) for key, p in best.items())


def likely_spans(nlp: Language, docs: Sequence[Doc]) -> Iterator[list[LikelySpan]]:
    """Of each document the spans whose probability is at least `FLOOR`, by start: of the components `cloudner`, or of
    `cloudner_spans` in a pipeline that is scored by its group. Of the latter, whose spans do not exclude each other, the
    likeliest 64 a token and all that the pipeline writes. The documents go through the pipeline as they are. Raises
    ConfigError for a pipeline without such a component."""
    group = own_group(nlp)
    pipes = _judges(nlp, group)
    if not pipes:
        raise ConfigError(
            f"no cloudner component among {', '.join(nlp.pipe_names) or 'no components'}",
            expected="a pipeline trained with `cloudner train`",
        )
    keys = [f"{_KEY}-{number}" for number in range(len(pipes))]
    before = [dict(pipe.cfg) for pipe in pipes]
    least = min(cfg["threshold"] for cfg in before)
    for pipe, key in zip(pipes, keys, strict=True):
        pipe.cfg["spans_key"] = key
        if isinstance(pipe, CloudnerSpans):
            pipe.cfg.update(threshold=FLOOR, ents="none", confidence=False)
        else:
            pipe.cfg["spans_floor"] = FLOOR
    try:
        for doc in nlp.pipe(docs):
            spans = [
                LikelySpan(span.start, span.end, span.label_, min(1.0, float(p)))
                for key in keys
                if key in doc.spans
                for span, p in zip(doc.spans[key], doc.spans[key].attrs["scores"], strict=True)
            ]
            yield sorted(_likeliest(spans, _A_TOKEN * len(doc), least) if group else spans)
    finally:
        for pipe, cfg in zip(pipes, before, strict=True):
            pipe.cfg.update(cfg)


def threshold_of(nlp: Language) -> float:
    """The probability from which the pipeline's `cloudner_spans` writes a span."""
    return float(min(pipe.cfg["threshold"] for pipe in _judges(nlp, own_group(nlp))))


def _judges(nlp: Language, group: str | None) -> list[Any]:
    """The components whose spans are asked for."""
    return [
        pipe
        for pipe in cloudner_pipes(nlp)
        if (pipe.cfg["spans_key"] == group if isinstance(pipe, CloudnerSpans) else group is None)
    ]


def _likeliest(spans: list[LikelySpan], most: int, least: float) -> list[LikelySpan]:
    """The most probable ones, and all from a probability on."""
    if len(spans) <= most:
        return spans
    ordered = sorted(spans, key=lambda span: (-span.probability, span))
    written = sum(span.probability >= least for span in ordered)
    return ordered[: max(most, written)]
