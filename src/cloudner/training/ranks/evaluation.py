"""An evaluation to which every process gives its part of the predictions, and whose scores the first computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from spacy.tokens import Doc, DocBin

from cloudner.corpus.training.batcher import count_pieces
from cloudner.model.ranks.group import Ranks
from cloudner.training.ranks.share import parts


def evaluation(
    nlp: Any,
    dev_corpus: Callable[[Any], Iterable[Any]],
    evaluate: Callable[[], tuple[float, dict[str, Any]]],
    ranks: Ranks,
) -> Callable[[], tuple[float, dict[str, Any]]]:
    """`evaluate` of all processes together. evaluate: spaCy's, which the first runs with `nlp.pipe` replaced.

    The score is the same in all; scores beside it are in the first alone. Raises RankError where weights differ
    between processes.
    """

    def together() -> tuple[float, dict[str, Any]]:
        for reduction in ranks.reductions:
            reduction.shim.settle()
            reduction.check_weights()
        examples = list(dev_corpus(nlp))
        owned = parts(count_pieces(examples), ranks.size)
        if ranks.first:
            return _scored(nlp, owned, evaluate, ranks)
        docs = [examples[i].predicted.copy() for i in owned[ranks.rank]]  # as spaCy does before it predicts
        _predicted(docs, ranks, nlp.pipe)
        return float(ranks.from_first(lambda: None)), {}

    return together


def _scored(
    nlp: Any, owned: list[list[int]], evaluate: Callable[[], tuple[float, dict[str, Any]]], ranks: Ranks
) -> tuple[float, dict[str, Any]]:
    """In the first process. Whatever it raises the others are told, wherever they wait."""
    own, waits = nlp.pipe, ["for its part"]

    def pipe(docs: Iterable[Doc], **kwargs: Any) -> Iterator[Doc]:
        every = list(docs)
        waits.clear()  # from here on `_predicted` tells them
        made, others = _predicted([every[i] for i in owned[0]], ranks, lambda part: own(part, **kwargs))
        waits.append("for the score")
        made += [doc for each in others for doc in DocBin().from_bytes(each).get_docs(nlp.vocab)]
        by_place = dict(zip((i for part in owned for i in part), made, strict=True))
        return (by_place[i] for i in range(len(every)))

    nlp.pipe = pipe
    try:
        score, scores = evaluate()
    except BaseException as error:
        if waits == ["for its part"]:
            ranks.gather(None)
        elif waits:
            ranks.fail(error)
        raise
    finally:
        del nlp.pipe
    return ranks.from_first(lambda: float(score)), scores


def _predicted(docs: list[Doc], ranks: Ranks, pipe: Callable[..., Any]) -> tuple[list[Doc], list[bytes]]:
    """Predict this process's part and hand it in: its documents and, in the first process, those of the others as a
    DocBin each."""
    try:
        made = list(pipe(docs))
        data = DocBin(docs=made, store_user_data=True).to_bytes()
    except BaseException:
        ranks.gather(None)
        raise
    return made, ranks.gather(data)[1:]
