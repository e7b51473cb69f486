"""Texts that wait: bounded in texts and pieces, requests in turn, long texts apart."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from cloudner.serving.work import TIMEOUT, Work

Item = tuple[Work, int]


class QueueFullError(Exception):
    """No room for this request's texts."""


class QueueClosedError(Exception):
    """The service stops."""


class Lane:
    """Requests in turn: each gives one text and stands at the end again, so that many texts hold up nobody's one."""

    def __init__(self) -> None:
        self._turns: deque[tuple[Work, deque[int]]] = deque()
        self.texts = self.pieces = 0

    def add(self, work: Work, indices: list[int]) -> None:
        if indices:
            entry = (work, deque(indices))
            if work.urgent:
                self._turns.appendleft(entry)
            else:
                self._turns.append(entry)
            self.texts += len(indices)
            self.pieces += sum(work.pieces[i] for i in indices)

    @property
    def next_pieces(self) -> int:
        """Of the text that is next."""
        work, indices = self._turns[0]
        return work.pieces[indices[0]]

    @property
    def arrived(self) -> float:
        """When the request that is next came."""
        return self._turns[0][0].arrived

    def pop(self) -> Item:
        work, indices = self._turns.popleft()
        index = indices.popleft()
        if indices:
            self._turns.append((work, indices))
        self.texts -= 1
        self.pieces -= work.pieces[index]
        return work, index

    def drop(self, work: Work) -> None:
        for entry in [entry for entry in self._turns if entry[0] is work]:
            self._turns.remove(entry)
            self.texts -= len(entry[1])
            self.pieces -= sum(work.pieces[i] for i in entry[1])


class TextQueue:
    """Filled by the event loop, emptied by the thread that computes.

    max_texts, max_pieces: what may wait. long: pieces above which a text is computed by itself. A request is taken
    whole or not at all; an empty queue takes any. `late` is called for each text whose time is over before its turn.
    """

    def __init__(self, max_texts: int, max_pieces: int, long: int, late: Callable[[], None]) -> None:
        self.max_texts, self.max_pieces, self.long, self.late = max_texts, max_pieces, long, late
        self._changed = threading.Condition()
        self._short, self._long = Lane(), Lane()
        self._closed = False

    @property
    def texts(self) -> int:
        return self._short.texts + self._long.texts

    @property
    def pieces(self) -> int:
        return self._short.pieces + self._long.pieces

    def put(self, work: Work) -> None:
        """Raises QueueFullError, or QueueClosedError once the service stops."""
        with self._changed:
            if self._closed:
                raise QueueClosedError
            texts, pieces = self.texts + len(work.texts), self.pieces + sum(work.pieces)
            if self.texts and not work.urgent and (texts > self.max_texts or pieces > self.max_pieces):
                raise QueueFullError
            every = range(len(work.texts))
            self._short.add(work, [i for i in every if work.pieces[i] <= self.long])
            self._long.add(work, [i for i in every if work.pieces[i] > self.long])
            self._changed.notify()

    def drop(self, work: Work) -> None:
        """Its texts wait no longer; nobody is told."""
        with self._changed:
            self._short.drop(work)
            self._long.drop(work)

    def close(self) -> None:
        """Nothing more is taken in; what waits is still given out."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self, texts: int, pieces: int, wait: float) -> list[Item] | None:
        """The next batch: one long text, or short ones up to so many texts and pieces, for which it waits at most
        `wait` seconds from the arrival of the first. Blocks while there is none; None when the queue is closed and
        empty."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._closed or self.texts)
                if self._short.texts and not self._long.texts and not self._closed:
                    left = self._short.arrived + wait - time.monotonic()
                    if left > 0:
                        self._changed.wait_for(lambda: self._is_batch(texts, pieces), timeout=left)
                batch = self._pop(self._long, 1, 0) or self._pop(self._short, texts, pieces)
                if batch:
                    return batch
                if self._closed and not self.texts:
                    return None

    def take_short(self, texts: int, pieces: int) -> list[Item]:
        """Short texts that are there now; for between the parts of a long one."""
        with self._changed:
            return self._pop(self._short, texts, pieces)

    def _is_batch(self, texts: int, pieces: int) -> bool:
        lane = self._short
        return self._closed or bool(self._long.texts) or lane.texts >= texts or lane.pieces >= pieces

    def _pop(self, lane: Lane, texts: int, pieces: int) -> list[Item]:
        """One text at least; those that nobody waits for any more are left out."""
        batch: list[Item] = []
        total, now = 0, time.monotonic()
        while lane.texts and len(batch) < texts:
            if batch and total + lane.next_pieces > pieces:
                break
            work, index = lane.pop()
            if work.in_vain(now):
                self.late()
                work.finish(index, TIMEOUT)
                continue
            batch.append((work, index))
            total += work.pieces[index]
        return batch
