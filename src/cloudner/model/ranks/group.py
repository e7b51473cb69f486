"""The processes of one training, and what they tell each other.

Numbers of the host (counts, flags, scores, files) go over gloo, so that none of them waits for a GPU; gradients go over
gloo on CPUs and over NCCL on GPUs. Every process calls the same methods in the same order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch

from cloudner.errors import RankError, first_line

T = TypeVar("T")

# An evaluation and the writing of a large pipeline into a bucket are waited for; a process that ends is noticed at once, by
# its connection.
TIMEOUT = timedelta(hours=6)
BUCKET = 25 << 20  # bytes of gradients in one all-reduce
_PIECE = 256 << 20  # bytes of a file in one message


class Ranks:
    """This process among the others.

    rank: from 0; the first evaluates, writes and logs. size: how many there are. local_rank: among those of this machine.
    device: "cpu", or "cuda:1", where this one computes.
    """

    def __init__(self, rank: int, size: int, local_rank: int, device: str, group: Any = None) -> None:
        self.rank, self.size, self.local_rank, self.device = rank, size, local_rank, device
        self.reduce_in = torch.float32  # or bfloat16: half the bytes, three digits of each gradient
        self._group = group  # None: the process's default
        self.reductions: list[Any] = []  # a `Reduction` for each component that is trained
        self.part = self.parts = 0  # of the step in the making, see `begin`
        self.losses: dict[str, float] = {}
        self.stop = self.due = False  # what this process wants, and after `exchange` what all do

    @property
    def first(self) -> bool:
        return self.rank == 0

    # -- a step -----------------------------------------------------------------------------------------------

    def begin(self, parts: int, losses: dict[str, float]) -> None:
        """Before the updates of a step: how many there are (of which each process takes its part), and where their losses
        go. `part` is the number of the one in hand."""
        self.part, self.parts, self.losses = 0, parts, losses
        for reduction in self.reductions:
            reduction.begin(parts)

    def exchange(self, *, failed: bool = False) -> None:
        """One all-reduce of all that must be known before a step is taken: has a process failed, is one asked to stop, is a
        checkpoint due; labelled tokens and losses; which parameters have gradients.

        Afterwards `stop` and `due` are the same everywhere. Raises RankError where another process has failed; one
        that has `failed` itself only tells the others.
        """
        numbers = [float(failed), float(self.stop), float(self.due)]
        for reduction in self.reductions:
            numbers += reduction.numbers()
        n_failed, stop, due, *rest = self.total(numbers)
        if failed:
            return
        if n_failed:
            raise RankError(f"{n_failed:.0f} of {self.size} processes have failed; their messages say why")
        self.stop, self.due = stop > 0, due > 0
        for reduction in self.reductions:
            rest = reduction.take_numbers(rest)

    def sum(self, buffer: torch.Tensor, *, exact: bool = False) -> None:
        """Sum a flat buffer over all processes, in place and in buckets; bit for bit the same in each. exact: whatever
        `reduce_in` is."""
        sent = buffer if exact else buffer.to(self.reduce_in)  # itself, where that is its type
        step = BUCKET // sent.element_size()
        all_reduce = _distributed().all_reduce
        with _told():
            works = [all_reduce(part, group=self._group, async_op=True) for part in sent.split(step)]
            for work in works:
                work.wait()
        if sent is not buffer:
            buffer.copy_(sent)

    # -- numbers and files ------------------------------------------------------------------------------------

    def total(self, values: list[float]) -> list[float]:
        """Sums over all processes."""
        tensor = torch.tensor(values, dtype=torch.float64)
        with _told():
            _distributed().all_reduce(tensor, group=self._group)
        return tensor.tolist()

    def same(self, value: int, what: str) -> None:
        """Raises RankError, in each process, where `value` (below 2**63) is not the same in all of them."""
        found = self._every(value)
        if len(set(found)) > 1:
            raise RankError(
                f"{what} differ between the processes of this training",
                expected="the same files, versions and kind of device for each",
            )

    def wait(self) -> None:
        """Until all have come here."""
        self.total([0.0])

    def together(self, make: Callable[[], T]) -> T:
        """What `make` returns here, once it has returned in all processes. Where it raises in one it raises RankError in the
        others; where it raises in the first, in all of them: they have met the same."""
        made, failure = None, None
        try:
            made = make()
        except Exception as error:
            failure = error
        first, others = self.total([float(failure is not None and self.first), float(failure is not None)])
        if failure is not None and (self.first or not first):
            raise failure
        if others:
            who = "the first process has" if first else f"{others:.0f} of {self.size} processes have"
            raise RankError(f"{who} failed; the message there says why")
        return cast("T", made)

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What `make` returns in the first process, as JSON; where it raises, the others raise RankError."""
        made = None
        if self.first:
            try:
                made = make()
            except BaseException as error:
                self.fail(error)
                raise
        answer = json.loads(self.broadcast(json.dumps({"made": made}).encode() if self.first else b""))
        if "failed" in answer:
            raise RankError(f"the first process has failed ({answer['failed']}); its message says more")
        return answer["made"]

    def fail(self, error: BaseException) -> None:
        """In the first process, while the others wait in `from_first`: there will be nothing."""
        self.broadcast(json.dumps({"failed": type(error).__name__}).encode())

    def broadcast(self, data: bytes) -> bytes:
        """The first process's bytes."""
        (size,) = self.total([float(len(data)) if self.first else 0.0])
        buffer = _bytes(data) if self.first else torch.empty(int(size), dtype=torch.uint8)
        with _told():
            for piece in buffer.split(_PIECE):
                _distributed().broadcast(piece, src=0, group=self._group)
        return data if self.first else buffer.numpy().tobytes()

    def gather(self, data: bytes | None) -> list[bytes]:
        """Everybody's bytes, by rank, in the first process; none elsewhere. None says that this process has failed: the
        others then raise RankError."""
        sizes = self._every(-1 if data is None else len(data))
        if data is None:
            return []
        if min(sizes) < 0:
            raise RankError(f"process {sizes.index(-1)} of {self.size} has failed; its message says why")
        with _told():
            if not self.first:
                for piece in _bytes(data).split(_PIECE):
                    _distributed().send(piece, dst=0, group=self._group)
                return []
            found = [data]
            for rank, size in enumerate(sizes[1:], start=1):
                buffer = torch.empty(size, dtype=torch.uint8)
                for piece in buffer.split(_PIECE):
                    _distributed().recv(piece, src=rank, group=self._group)
                found.append(buffer.numpy().tobytes())
        return found

    def share_weights(self, tensors: list[torch.Tensor]) -> None:
        """The first process's values in all of them, in place."""
        with _told(), torch.no_grad():
            for tensor in tensors:
                _distributed().broadcast(tensor, src=0, group=self._group)

    def close(self) -> None:
        if _distributed().is_initialized():
            _distributed().destroy_process_group(self._group)

    def _every(self, value: int) -> list[int]:
        """`value` of each process, by rank."""
        mine = torch.tensor([value], dtype=torch.int64)
        found = [torch.zeros_like(mine) for _ in range(self.size)]
        with _told():
            _distributed().all_gather(found, mine, group=self._group)
        return [int(each) for each in found]


def join(rank: int, size: int, local_rank: int, device: str, *, store: Any = None) -> Ranks:
    """Meet the other processes; `store`: where, if not at MASTER_ADDR and MASTER_PORT. Where they have met already, as in
    Ray Train, they keep a group of their own. Raises RankError where they do not come."""
    backend = "gloo" if device == "cpu" else "cpu:gloo,cuda:nccl"
    if device != "cpu":
        torch.cuda.set_device(device)
    dist = _distributed()
    if dist.is_initialized():
        return Ranks(rank, size, local_rank, device, dist.new_group(backend=backend, timeout=TIMEOUT))
    where: dict[str, Any] = {"init_method": "env://"} if store is None else {"store": store}
    with _told("the processes of this training do not find each other"):
        dist.init_process_group(backend, rank=rank, world_size=size, timeout=TIMEOUT, **where)
    return Ranks(rank, size, local_rank, device)


def _bytes(data: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)


def _distributed() -> Any:
    import torch.distributed

    return torch.distributed


@contextmanager
def _told(what: str = "another process of this training has ended") -> Iterator[None]:
    """Turns an error of a connection into one line."""
    try:
        yield
    except RuntimeError as error:
        raise RankError(f"{what} ({first_line(error)})") from error
