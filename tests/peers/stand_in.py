"""A pytest plug-in: cloudner behind the factory name `ner`, with a tiny random encoder.

A model of `spacy.TransitionBasedParser` that a component named `ner`, or `spacy.pipeline.EntityRecognizer` itself, is given
becomes `cloudner.SharedNER.v1` on the same tok2vec; `beam_ner` and the parser keep theirs. Settings of the transition system
are taken and mean nothing.

What happened is written as JSON to $PEERS_RESULT: by test the outcome, whether it made such a component, and the error.
"""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any, Literal, Optional, get_type_hints

import pytest

NO_MEANING = {"moves": None, "update_with_oracle_cut_size": 100, "incorrect_spans_key": None}
PARSER = "spacy.TransitionBasedParser.v2"
ENCODER = "peers.TransformerNER.v1"
_made: list[str] = []
_rows: dict[str, dict[str, Any]] = {}
_tok2vecs: dict[int, tuple[Any, Any]] = {}  # by the id of a parser's model: that model and its tok2vec


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "issue(number): of spaCy's own tests")
    config.addinivalue_line("markers", "slow: of spaCy's own tests")
    put_in_place(os.environ["PEERS_ENCODER"])


def put_in_place(encoder: str) -> None:
    """`ner` makes cloudner components from now on, in this process."""
    import spacy
    import spacy.pipeline
    from spacy.language import Language

    from cloudner.component import Cloudner
    from cloudner.factory import make_cloudner

    spacy.blank("en")  # fills spaCy's registries
    meta = Language.get_factory_meta("cloudner")
    _put_architectures()

    def make_ner(**given: Any) -> Any:
        _made.append(given["name"])
        ours = {name: value for name, value in given.items() if name not in NO_MEANING}
        return make_cloudner(**{**ours, "model": _ours(given["model"])})

    class EntityRecognizer(Cloudner):
        """spaCy's class under its own signature, for tests that make it without a pipeline."""

        def __init__(
            self, vocab: Any, model: Any, name: str = "ner", moves: Any = None, **settings: Any
        ) -> None:
            _made.append(name)
            known = {"scorer": settings["scorer"]} if "scorer" in settings else {}
            super().__init__(vocab, _ours(model), name, **known)

    spacy.pipeline.EntityRecognizer = EntityRecognizer
    # spaCy takes what a factory may be given from its signature: cloudner's settings, and those without a meaning.
    settings = inspect.signature(make_cloudner).parameters.values()
    types = {"moves": Any, "update_with_oracle_cut_size": int, "incorrect_spans_key": Optional[str]}  # noqa: UP045
    more = [inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, annotation=types[n]) for n in NO_MEANING]
    make_ner.__signature__ = inspect.Signature([*settings, *more])  # type: ignore[attr-defined]
    from spacy.util import registry

    internal = Language.get_factory_name("ner")
    registry.factories.get(internal)  # spaCy's own is registered first
    registry.factories.register(internal, func=make_ner)
    registry.factories.register("ner", func=make_ner)
    model = {"@architectures": ENCODER, "encoder": encoder, "device": "cpu"}
    defaults = {**meta.default_config, "model": model, **NO_MEANING}
    Language.set_factory_meta(
        "ner", type(meta)(**{**_fields(meta), "factory": "ner", "default_config": defaults})
    )


def _fields(meta: Any) -> dict[str, Any]:
    return {name: getattr(meta, name) for name in type(meta).__dataclass_fields__}


def _ours(model: Any) -> Any:
    """The model of a cloudner component in the place of a parser's."""
    from cloudner.model.architectures import shared_ner

    found = _tok2vecs.get(id(model))
    return model if found is None else shared_ner(found[1])


def _put_architectures() -> None:
    """spaCy's parser, whose settings have the defaults that spaCy's `ner` gives them; ours, which takes those settings too."""
    from spacy.util import registry
    from thinc.api import Model

    from cloudner.model.architectures import transformer_ner

    parser = registry.architectures.get(PARSER)

    def transition_based(
        tok2vec: Model,
        state_type: Literal["parser", "ner"] = "ner",
        extra_state_tokens: bool = False,
        hidden_width: int = 64,
        maxout_pieces: int = 2,
        use_upper: bool = True,
        nO: Optional[int] = None,  # noqa: N803, UP045
    ) -> Model:
        made = parser(tok2vec, state_type, extra_state_tokens, hidden_width, maxout_pieces, use_upper, nO)
        _tok2vecs[id(made)] = (made, tok2vec)
        return made

    def ours(encoder: str, device: str, use_upper: bool = True, hidden_width: int = 64) -> Model:
        return transformer_ner(encoder, device=device)

    for name, function in ((PARSER, transition_based), (ENCODER, ours)):
        known = {"Model": Model, "Literal": Literal, "Optional": Optional}
        function.__annotations__ = get_type_hints(function, known)
        registry.architectures.register(name, func=function)


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
