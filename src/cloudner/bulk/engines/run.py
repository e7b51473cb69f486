"""A run over pieces as every engine sees it: what to do, whom to tell, when to give up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from cloudner.bulk.contract import PieceResult
from cloudner.bulk.plan import Plan
from cloudner.bulk.progress import Progress
from cloudner.errors import CloudnerError, InputError

# A piece is given up after so many errors, and after so many processes that ended in the middle of it.
_ERRORS, _ENDS = 2, 5
# So many pieces given up end the run: it is no single piece's fault.
_BROKEN = 3


def reason_of(error: Exception) -> str:
    """Our errors speak for themselves; of others the type is told too."""
    return str(error) if isinstance(error, CloudnerError) else f"{type(error).__name__}: {error}"


@dataclass
class Run:
    """target: the store's address. model: what `load` is given. numbers: of the pieces to do, in their order. keep_going:
    see `Annotator`. code: see `PieceWorker`."""

    target: str
    model: str
    device: str
    plan: Plan
    numbers: list[int]
    workers: int
    progress: Progress
    keep_going: bool = False
    code: str | None = None
    results: dict[int, PieceResult] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)
    _errors: Counter[int] = field(default_factory=Counter)
    _ends: Counter[int] = field(default_factory=Counter)
    _rows: Counter[int] = field(default_factory=Counter)
    _failed: Counter[int] = field(default_factory=Counter)

    def advance(self, number: int, rows: int, failed: int) -> None:
        """So many documents of a piece more."""
        self._rows[number] += rows
        self._failed[number] += failed
        self.progress.advance(rows, failed)

    def finished(self, result: PieceResult) -> None:
        """A piece is in its place."""
        number = result.number
        self.progress.advance(
            result.rows - self._rows.pop(number, 0), result.failed - self._failed.pop(number, 0)
        )
        self.results[number] = result

    def again(self, number: int, reason: str, *, ended: bool = False) -> bool:
        """A piece was not finished: is it to be tried again? ended: its process did not live to say why.

        Raises InputError where too many pieces have been given up.
        """
        self.progress.advance(-self._rows.pop(number, 0), -self._failed.pop(number, 0))
        counter, most = (self._ends, _ENDS) if ended else (self._errors, _ERRORS)
        counter[number] += 1
        if counter[number] < most:
            self.progress.say(f"{self.plan.pieces[number].name}: {reason}; it is done again")
            return True
        self.broken[number] = reason
        if len(self.broken) >= min(_BROKEN, len(self.numbers)):
            self.check()
        self.progress.say(f"{self.plan.pieces[number].name}: {reason}; it is left out")
        return False

    def check(self) -> None:
        """Raises InputError where a piece was given up."""
        if not self.broken:
            return
        number, reason = next(iter(self.broken.items()))
        more = f", and {len(self.broken) - 1} more pieces" if len(self.broken) > 1 else ""
        raise InputError(
            f"{self.plan.pieces[number].name} could not be made: {reason}{more}",
            file=self.target,
            fix="the same command again once that is mended: pieces that are finished stay",
        )
