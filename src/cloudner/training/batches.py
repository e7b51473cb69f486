"""The batches of a training, and the position in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
from spacy.errors import Errors
from spacy.training import Example

from cloudner.model.process import uncollected


class Batches:
    """(epoch, batch) of a corpus, as spaCy's `create_train_batches` gives them: the same from the same random state.

    max_epochs: -1 reads the corpus anew each epoch, as a stream. `position` says where it is; after `go_to` a
    position, iteration starts with the batch that follows it.
    """

    def __init__(
        self,
        nlp: Any,
        corpus: Callable[[Any], Iterable[Example]],
        batcher: Callable[[Iterable[Example]], Iterable[Any]],
        max_epochs: int,
    ) -> None:
        self._nlp, self._corpus, self._max_epochs = nlp, corpus, max_epochs
        self._batcher, self._sizes = _counting(batcher)
        self._taken: list[int] = []  # values of each of the sizes before this epoch
        self._epoch, self._given = 0, 0
        self._order: list[int] | None = None
        self._drawn: dict[str, Any] = {}  # Python's and numpy's random state as the batcher met it
        self._then: Callable[[], None] | None = None

    def position(self) -> dict[str, Any]:
        """JSON: the epoch, the batches it has given, the order of the examples, the random state they were batched from and
        how far the schedules of the batch size were then."""
        order = None if self._order is None else list(self._order)  # which is shuffled in place
        return {
            "epoch": self._epoch, "given": self._given, "order": order, "random": self._drawn, "taken": self._taken,
        }  # fmt: skip

    def go_to(self, position: dict[str, Any], then: Callable[[], None]) -> None:
        """Start after the batch that was the last one at `position`. The batches of the epoch before it are cut again, from
        the random state that they were first cut from; `then` restores the random state to go on with, and is called
        before anything further is drawn."""
        self._epoch, self._given = position["epoch"], position["given"]
        self._order, self._drawn = position["order"], position["random"]
        self._taken = position.get("taken", [])  # not in checkpoints of earlier versions
        for size, taken in zip(self._sizes, self._taken, strict=False):
            size.skip(taken)
        self._then = then

    def __iter__(self) -> Iterator[tuple[int, list[Example]]]:
        stream = self._max_epochs < 0
        with uncollected(kept=not stream):
            examples = [] if stream else list(self._corpus(self._nlp))
        if not examples and not stream:
            raise ValueError(Errors.E986)
        while self._max_epochs < 1 or self._epoch != self._max_epochs:
            then, self._then = self._then, None
            if then is not None:
                set_drawn(self._drawn)
            else:
                if not stream:
                    self._order = list(range(len(examples))) if self._order is None else self._order
                    random.shuffle(self._order)
                self._drawn, self._given = drawn(), 0
                self._taken = [size.taken for size in self._sizes]
            ordered = self._corpus(self._nlp) if stream else [examples[i] for i in self._order or ()]
            batches = iter(self._batcher(ordered))
            if then is not None:
                for _ in range(self._given):
                    next(batches)
                then()
            for batch in batches:
                self._given += 1
                yield self._epoch, list(batch)
            self._epoch += 1


class _Size:
    """A schedule of batch sizes, which goes on from epoch to epoch, and how many of its values were taken."""

    def __init__(self, values: Iterator[Any]) -> None:
        self._values, self.taken = values, 0

    def __iter__(self) -> _Size:
        return self

    def __next__(self) -> Any:
        self.taken += 1
        return next(self._values)

    def skip(self, count: int) -> None:
        for _ in islice(self, count):
            pass


def _counting(batcher: Any) -> tuple[Any, list[_Size]]:
    """The batcher with its schedules counted. spaCy's are partial functions, with the schedule among the arguments."""
    if not isinstance(batcher, partial):
        return batcher, []
    made = {name: _Size(v) for name, v in sorted(batcher.keywords.items()) if isinstance(v, Iterator)}
    return partial(batcher, **made), list(made.values())


def fixed(corpus: Any) -> bool:
    """Does each reading give the same? spaCy's own reader does, without augmentation and shuffling."""
    from spacy.training.augment import dont_augment
    from spacy.training.corpus import Corpus

    return type(corpus) is Corpus and corpus.augmenter is dont_augment and not corpus.shuffle


def held(corpus: Any, kept: list[Example] | None = None) -> Any:
    """The corpus, read once and then kept, where it is `fixed`. `nlp.evaluate` copies what it predicts on. Any other reader
    stays as it is. kept: what `nlp` has read of it before."""
    if not fixed(corpus):
        return corpus
    kept = [] if kept is None else kept

    def read(nlp: Any) -> Iterable[Example]:
        if not kept:
            with uncollected(kept=True):
                kept.extend(corpus(nlp))
        return kept

    return read


def drawn() -> dict[str, Any]:
    """The state of Python's and numpy's global random numbers, as JSON."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, np.asarray(keys).tolist(), int(position), int(has_gauss), float(cached)],
    }


def set_drawn(state: dict[str, Any]) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
