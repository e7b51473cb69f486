"""The file format E5S1: an encoder in four bits with its vocabulary, little-endian.

    "E5S1", version
    width, layers, heads, width of the feed-forward layer, rows of the embedding, positions, types; epsilon; block size
    number of pieces; ids of <s>, </s>, <pad>, <unk>; bytes of text; where each piece begins; scores; text
    number of normalised characters, bytes; each: code point, how many replace it, those
    number of tensors; each: name, kind (0 fp32, 1 Q4_0), values, offset, bytes

Q4_0: blocks of 32 values, an fp16 scale and 16 bytes; the low halves of the bytes are the first 16 values.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudner.errors import InputError

MAGIC, VERSION = b"E5S1", 1
BLOCK = 32  # values of a Q4_0 block
_BLOCK_BYTES = 2 + BLOCK // 2
_ZERO = 8  # the number that stands for 0 in four bits
FP32, Q4_0 = 0, 1


@dataclass(frozen=True)
class Sizes:
    """The numbers of the header. `rows`: of the embedding, which may be more than there are pieces."""

    width: int
    layers: int
    heads: int
    feed_forward: int
    rows: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True)
class PackedEncoder:
    """An E5S1 file, parsed. Tensors are unpacked when they are asked for.

    special: ids of `bos`, `eos`, `pad`, `unk`. scores: float32 (pieces,). replaced: what single characters become before
    pieces are looked for; others stay.
    """

    sizes: Sizes
    special: dict[str, int]
    pieces: list[str]
    scores: NDArray[np.float32]
    replaced: dict[str, str]
    _tensors: dict[str, tuple[int, int, int]]  # kind, values, offset
    _data: memoryview
    _file: str

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """float32 of this shape. Raises InputError where the file has no such tensor, or one of another size."""
        kind, count, offset = self._find(name)
        if count != int(np.prod(shape)):
            raise self._broken(f"the tensor {name!r} has {count:,} values", f"{shape}")
        if kind == FP32:
            return np.frombuffer(self._data, "<f4", count, offset).reshape(shape)
        return unpack_q4(self._bytes(offset, count // BLOCK * _BLOCK_BYTES)).reshape(shape)

    def rows(self, name: str, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 (chosen, width): these rows of the Q4_0 table `name`. Raises as `tensor` does."""
        kind, count, offset = self._find(name)
        if kind != Q4_0 or count != self.sizes.rows * self.sizes.width:
            raise self._broken(f"the table {name!r} has {count:,} values of kind {kind}", "Q4_0 rows")
        blocks = self.sizes.width // BLOCK
        packed = self._bytes(offset, count // BLOCK * _BLOCK_BYTES).reshape(-1, blocks * _BLOCK_BYTES)
        return unpack_q4(packed[chosen]).reshape(len(chosen), self.sizes.width)

    def _bytes(self, offset: int, count: int) -> NDArray[np.uint8]:
        return np.frombuffer(self._data, np.uint8, count, offset)

    def _find(self, name: str) -> tuple[int, int, int]:
        if name not in self._tensors:
            raise self._broken(f"no tensor {name!r}", "the tensors of a BERT encoder")
        return self._tensors[name]

    def _broken(self, found: str, expected: str) -> InputError:
        return InputError(found, file=self._file, expected=expected)


def unpack_q4(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (values,) of Q4_0 blocks, whatever the shape of `packed`."""
    blocks = np.ascontiguousarray(packed).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    halves = blocks[:, 2:]
    values = np.empty((len(blocks), BLOCK), np.float32)
    values[:, : BLOCK // 2] = halves & 0x0F
    values[:, BLOCK // 2 :] = halves >> 4
    values -= _ZERO
    values *= scales
    return values.reshape(-1)


def parse(data: bytes, file: str) -> PackedEncoder:
    """Read an E5S1 file. file: its name, for errors. Raises InputError for anything else, and where it is cut."""
    reader = _Reader(memoryview(data), file)
    if bytes(reader.data[:4]) != MAGIC:
        raise InputError(f"begins with {bytes(reader.data[:4])!r}", file=file, expected=f"{MAGIC!r}")
    _, version = reader.read("<4sI")
    if version != VERSION:
        raise InputError(f"version {version} of the format", file=file, expected=f"version {VERSION}")
    width, layers, heads, inner, rows, positions, types, epsilon, block = reader.read("<7ifi")
    numbers = [width, layers, heads, inner, rows, positions, types]
    sizes = Sizes(width, layers, heads, inner, rows, positions, types, epsilon)
    if block != BLOCK or min(numbers) < 1 or sizes.width % BLOCK or sizes.feed_forward % BLOCK:
        raise InputError(
            f"sizes {numbers} in blocks of {block}",
            file=file,
            expected=f"multiples of {BLOCK} in such blocks",
        )
    special, pieces, scores = _vocabulary(reader)
    if len(pieces) > sizes.rows:
        raise InputError(f"{len(pieces):,} pieces for {sizes.rows:,} rows", file=file, expected="a row each")
    replaced = _replacements(reader)
    return PackedEncoder(sizes, special, pieces, scores, replaced, _directory(reader), reader.data, file)


class _Reader:
    """A place in the file; what goes beyond its end is one error."""

    def __init__(self, data: memoryview, file: str) -> None:
        self.data, self.file, self.at = data, file, 0

    def read(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def array(self, kind: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(count * np.dtype(kind).itemsize), kind)

    def take(self, count: int) -> memoryview:
        self.inside(self.at, count)
        self.at += count
        return self.data[self.at - count : self.at]

    def inside(self, start: int, count: int) -> None:
        if start < 0 or count < 0 or start + count > len(self.data):
            raise InputError(
                f"the file ends after {len(self.data):,} bytes, within its contents",
                file=self.file,
                expected=f"{max(0, start) + max(0, count):,} bytes or more",
            )


def _vocabulary(reader: _Reader) -> tuple[dict[str, int], list[str], NDArray[np.float32]]:
    count, bos, eos, pad, unk, size = reader.read("<5iQ")
    starts = reader.array("<u4", count + 1).astype(np.int64)
    scores = reader.array("<f4", count)
    text = bytes(reader.take(size))
    special = {"bos": bos, "eos": eos, "pad": pad, "unk": unk}
    if not np.isfinite(scores).all() or not all(0 <= number < count for number in special.values()):
        raise InputError("scores or special pieces that cannot be", file=reader.file, expected="a vocabulary")
    if (np.diff(starts) < 0).any() or starts[0] != 0 or starts[-1] != size:
        raise InputError("pieces that overlap", file=reader.file, expected="a vocabulary")
    ends = starts.tolist()
    try:
        pieces = [text[a:b].decode("utf-8") for a, b in pairwise(ends)]
    except UnicodeDecodeError as error:
        raise InputError(
            f"a piece is not UTF-8: {error}", file=reader.file, expected="a vocabulary"
        ) from None
    return special, pieces, scores


def _replacements(reader: _Reader) -> dict[str, str]:
    count, size = reader.read("<iI")
    end = reader.at + size
    replaced = {}
    for _ in range(count):
        code, length = reader.read("<IB")
        points = reader.array("<u4", length).tolist()
        if max([code, *points]) > 0x10FFFF:
            raise InputError("a character beyond Unicode", file=reader.file, expected="code points")
        replaced[chr(code)] = "".join(map(chr, points))
    if reader.at != end:
        raise InputError(
            "a table of characters of another size", file=reader.file, expected=f"{size:,} bytes"
        )
    return replaced


def _directory(reader: _Reader) -> dict[str, tuple[int, int, int]]:
    (count,) = reader.read("<i")
    found = {}
    for _ in range(count):
        (length,) = reader.read("<H")
        name = bytes(reader.take(length)).decode("ascii", errors="replace")
        kind, values, offset, size = reader.read("<BIQQ")
        wanted = 4 * values if kind == FP32 else values // BLOCK * _BLOCK_BYTES
        if kind not in (FP32, Q4_0) or size != wanted or (kind == Q4_0 and values % BLOCK):
            raise InputError(
                f"the tensor {name!r} is {size:,} bytes of kind {kind}",
                file=reader.file,
                expected=f"{wanted:,}",
            )
        reader.inside(offset, size)
        found[name] = kind, values, offset
    return found
