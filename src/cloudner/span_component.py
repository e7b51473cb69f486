"""The spaCy component `cloudner_spans`: entities that may lie inside each other and overlap."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Optional

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from cloudner.component import Cloudner
from cloudner.errors import ConfigError
from cloudner.pieces.annotations import (
    Prediction,
    longest,
    write_confidences_of_spans,
    write_entities,
    write_spans,
)
from cloudner.pieces.cache import key_of
from cloudner.pieces.span_gold import annotated, gold_spans, span_labels

logger = logging.getLogger("cloudner")

ENTS = ("none", "longest")
# The group whose scores the factory's `default_score_weights` name.
DEFAULT_KEY = "sc"


class CloudnerSpans(Cloudner):
    """Scores every span of a text with a transformer and sets `doc.spans[spans_key]`, as spaCy's `spancat` does without a
    suggester."""

    _tags = False

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "cloudner_spans",
        *,
        spans_key: str = DEFAULT_KEY,
        threshold: float = 0.5,
        confidence: bool = True,
        ents: str = "none",
        scorer: Optional[Callable] = None,  # noqa: UP045
    ) -> None:
        super().__init__(
            vocab,
            model,
            name,
            confidence=confidence,
            threshold=threshold,
            gold_spans_key=spans_key,
            spans_key=spans_key,
            scorer=scorer,
        )
        for name in ("spans_floor", "o_shift", "fitted_o_shift", "platt"):
            del self.cfg[name]
        self.cfg["ents"] = ents
        self._check_settings()
        self._configured = self._settings()
        self._told_ents = False

    def _check_settings(self) -> None:
        super()._check_settings()
        if (ents := self.cfg.get("ents", ENTS[0])) not in ENTS:
            raise ConfigError(f"ents = {ents!r}", expected=" or ".join(map(repr, ENTS)))

    # -- labels -----------------------------------------------------------------------------------------------

    @property
    def _outputs(self) -> list[str]:
        return list(self.labels)

    def _learnt_spans(self, reference: Doc) -> Sequence[Span]:
        return annotated(reference, self.cfg["spans_key"])

    def _labels_of(self, examples: Sequence[Example]) -> list[str]:
        known = self.cfg["labels"]
        return [*known, *sorted(span_labels(examples, self.cfg["spans_key"]) - set(known))]

    def _resolve(self, nlp: Language, examples: list[Example]) -> None:
        """And by which scores the best step is chosen: they are named after the group."""
        from cloudner.model.training.steps import weigh_scores_of

        super()._resolve(nlp, examples)
        keys = {
            name: pipe.cfg["spans_key"] for name, pipe in nlp.components if isinstance(pipe, CloudnerSpans)
        }
        others = (pipe for name, pipe in nlp.components if name not in keys)
        if not any(getattr(pipe, "key", None) == DEFAULT_KEY for pipe in others):  # spaCy's spancat, say
            weigh_scores_of(nlp.config, DEFAULT_KEY, list(dict.fromkeys(keys.values())))

    def _weigh_tags(self, examples: Sequence[Example] | None = None) -> None:
        """No class weights here: the loss is by label as it is."""

    # -- prediction -------------------------------------------------------------------------------------------

    @property
    def _ahead(self) -> int:
        return 0  # how many spans there are is asked of the device

    def _emit(self, docs: list[Doc]) -> Any:
        """The spans of `docs` with their scores; None where there is no token."""
        from cloudner.model.decoding.span_scores import score_at
        from cloudner.model.runners.inputs import SpanQuery

        if not any(len(doc) for doc in docs):
            return None
        return self.model.predict(SpanQuery(docs, score_at(self.cfg["threshold"], self.cfg["temperature"])))

    def _decode(self, docs: list[Doc], emissions: Any) -> Prediction:
        from cloudner.model.decoding.span_scores import spans_found

        return spans_found(emissions, docs, self.cfg["temperature"])

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Write `doc.spans[spans_key]` and, where asked for, confidences and `doc.ents`."""
        docs = list(docs)
        write_spans(docs, scores, self.cfg["spans_key"], self.labels)
        if self.cfg["confidence"]:
            write_confidences_of_spans(docs, scores)
        if self.cfg["ents"] == "longest":
            write_entities(docs, longest(docs, scores).spans, self.vocab.strings, self.labels)

    def candidates(self, examples: Sequence[Example]) -> tuple[Any, Any]:
        """(spans,) float64 scores of the gold spans and of all spans above a probability of 0.001, at temperature 1, and
        (spans,) bool, which are gold. Spans of which the gold says nothing are left out, and gold spans of labels that the
        component does not have."""
        import numpy as np

        from cloudner.model.decoding.span_scores import score_at
        from cloudner.model.runners.inputs import SpanQuery

        least = score_at(0.001)
        examples = [eg for eg in examples if len(eg.predicted)]
        gold = gold_spans(examples, self.labels, self.cfg["spans_key"], self.name, Counter())
        found = self.model.predict(SpanQuery([eg.predicted for eg in examples], least))
        there = set(map(tuple, gold.spans.tolist()))
        rows = [(start, end - 1, label) for start, end, label in found.spans.tolist()]
        right = np.array([row in there for row in rows], dtype=bool)
        before = np.concatenate([[0], np.cumsum(gold.unknown)])
        known = right | (before[found.spans[:, 1]] == before[found.spans[:, 0]])
        missed = len(there) - int(right.sum())  # whose score is at most this
        scores = np.concatenate([found.scores[known].astype(np.float64), np.full(missed, least)])
        return scores, np.concatenate([right[known], np.ones(missed, dtype=bool)])

    def score(self, examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
        """What the scorer says; where a reference has no group `spans_key`, its entities are the gold, as in training."""
        key = self.cfg["spans_key"]

        def spans(doc: Doc, attr: str) -> Any:
            return doc.spans.get(key, doc.ents)

        def has_annotation(doc: Doc) -> bool:
            return key in doc.spans or doc.has_annotation("ENT_IOB")

        return super().score(examples, **{"getter": spans, "has_annotation": has_annotation, **kwargs})

    # -- training ---------------------------------------------------------------------------------------------

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,  # noqa: UP045
        losses: Optional[dict[str, float]] = None,  # noqa: UP045
    ) -> dict[str, float]:
        """Accumulate the gradients of a batch; with `sgd` also take the step.

        drop: dropout before the head. `losses` grows by the mean loss per window and label.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "CloudnerSpans.update")
        gold = self._gold(examples, drop)
        if gold is not None:
            loss, backprop = self.model.begin_update(gold)
            backprop(loss)
            if gold.counted:
                self._shim.add_loss(losses, self.name, loss, gold.counted)
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def _gold(self, examples: Sequence[Example], drop: float = 0.0) -> Any:
        """What there is to learn from; None where there is nothing."""
        from cloudner.model.runners.inputs import SpanGold

        examples = [eg for eg in examples if len(eg.predicted)]
        if not examples:
            return None
        found = gold_spans(examples, self.labels, self.cfg["spans_key"], self.name)
        if found.from_ents and not self._told_ents:
            self._told_ents = True
            logger.warning(
                "%s: documents without doc.spans[%r] are learnt from their doc.ents, which neither nest nor overlap. `spacy "
                "cloudner convert --spans %s` keeps what does. Told once.",
                self.name,
                self.cfg["spans_key"],
                self.cfg["spans_key"],
            )
        if found.unknown.all() and not len(found.spans):
            return None
        docs, keys = [eg.predicted for eg in examples], [key_of(eg) for eg in examples]
        return SpanGold(docs, found.spans, found.unknown, keys, drop)

    def get_loss(self, examples: Iterable[Example], scores: Any) -> tuple[float, Any]:
        """Not available: the scores of all spans are not kept. `update` computes the loss and its gradient together."""
        raise NotImplementedError(f"{self.name}: the loss is computed in `update`")

    # -- saving -----------------------------------------------------------------------------------------------

    def _check_head(self, head: Any, where: str) -> None:
        from cloudner.model.soundness import broken

        if head.n_labels != len(self.labels):
            raise broken(
                f"{len(self.labels)} labels, and the saved head has {head.n_labels}",
                where,
                "cfg, config.cfg and weights of one training",
            )
