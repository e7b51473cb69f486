"""A pytest plug-in: cloudner behind the factory name `ner`, with a tiny random encoder.

`spacy.TransitionBasedParser` with the state type "ner" becomes `cloudner.SharedNER.v1` on the same tok2vec, so that
configs which name it get a cloudner component as well. Settings of the transition system are taken and mean nothing.

What happened is written as JSON to $PEERS_RESULT: by test the outcome, whether it made such a component, and the error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pytest

NO_MEANING = {"moves": None, "update_with_oracle_cut_size": 100, "incorrect_spans_key": None}
PARSER = "spacy.TransitionBasedParser.v2"
_made: list[str] = []
_rows: dict[str, dict[str, Any]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "issue(number): of spaCy's own tests")
    config.addinivalue_line("markers", "slow: of spaCy's own tests")
    put_in_place(os.environ["PEERS_ENCODER"])


def put_in_place(encoder: str) -> None:
    """`ner` makes cloudner components from now on, in this process."""
    import spacy
    from spacy.language import Language
    from thinc.api import Model

    import cloudner.factory
    from cloudner.factory import make_cloudner

    spacy.blank("en")  # fills spaCy's registries
    meta = Language.get_factory_meta("cloudner")
    model = {"@architectures": "cloudner.TransformerNER.v1", "encoder": encoder, "device": "cpu"}
    _exchange_parsers()

    def make_ner(
        nlp: Language,
        name: str,
        model: Model,
        confidence: bool,
        threshold: float,
        gold_spans_key: Optional[str],  # noqa: UP045
        spans_key: Optional[str],  # noqa: UP045
        spans_floor: float,
        scorer: Optional[Callable],  # noqa: UP045
        moves: Any,
        update_with_oracle_cut_size: int,
        incorrect_spans_key: Optional[str],  # noqa: UP045
    ) -> Any:
        _made.append(name)
        return make_cloudner(
            nlp, name, model, confidence, threshold, gold_spans_key, spans_key, spans_floor, scorer
        )

    # spaCy spells types out of the annotations, and this module's are strings.
    given = cloudner.factory.make_cloudner.__annotations__
    make_ner.__annotations__ = {
        **given, "moves": Any, "update_with_oracle_cut_size": int, "incorrect_spans_key": given["spans_key"],
    }  # fmt: skip
    from spacy.util import registry

    internal = Language.get_factory_name("ner")
    registry.factories.get(internal)  # spaCy's own is registered first
    registry.factories.register(internal, func=make_ner)
    registry.factories.register("ner", func=make_ner)
    defaults = {**meta.default_config, "model": model, **NO_MEANING}
    Language.set_factory_meta(
        "ner", type(meta)(**{**_fields(meta), "factory": "ner", "default_config": defaults})
    )


def _fields(meta: Any) -> dict[str, Any]:
    return {name: getattr(meta, name) for name in type(meta).__dataclass_fields__}


def _exchange_parsers() -> None:
    from spacy.util import registry

    from cloudner.model.architectures import shared_ner

    parser = registry.architectures.get(PARSER)
    registry.architectures.register(PARSER, func=_exchanged(parser, shared_ner))


def _exchanged(parser: Callable[..., Any], shared: Callable[..., Any]) -> Callable[..., Any]:
    import functools

    @functools.wraps(parser)
    def make(*args: Any, **kwargs: Any) -> Any:
        state_type = args[1] if len(args) > 1 else kwargs["state_type"]
        if state_type != "ner":
            return parser(*args, **kwargs)
        return shared(args[0] if args else kwargs["tok2vec"])

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    _made.clear()
    _rows[item.nodeid] = {"outcome": "passed", "made": False, "error": ""}
    done = yield
    _rows[item.nodeid]["made"] = bool(_made)
    return done


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    row = _rows[report.nodeid]
    if report.outcome != "passed" and row["outcome"] != "failed":
        crash = getattr(report.longrepr, "reprcrash", None)
        row.update(outcome=report.outcome, error=str(getattr(crash, "message", report.longrepr))[:300])


def pytest_sessionfinish(session: pytest.Session) -> None:
    Path(os.environ["PEERS_RESULT"]).write_text(json.dumps(_rows), encoding="utf8")
