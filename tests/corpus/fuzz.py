"""Damaged files of every format: each is converted or refused in one line, in little time, and leaves nothing behind.

    PYTHONPATH=src:tests python -m corpus.fuzz --count 20000 --seed 1

Each input is one of the samples of the test suite, changed at random: bytes, characters, lines, cells, values of JSON.
What fails is printed, and with --keep FOLDER written there. A part of this runs in `test_fuzz.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from cloudner.corpus.convert.convert import convert
from cloudner.corpus.formats.registry import formats
from cloudner.errors import CloudnerError, printable
from corpus.samples.every import CASES as EXPORTS
from corpus.samples.text import BRAT_ANN, BRAT_TXT, SAMPLES, VARIANTS
from corpus.samples.tools import TOOL_SAMPLES

LIMIT = 10  # seconds that one small file may take
TABLES = {
    "csv": 'id,text,entities\n1,Ann left Oslo.,"[[0, 3, ""PER""], [9, 13, ""LOC""]]"\n2,"Bye, all.",[]\n',
    "tokens": "Sentence #,Word,POS,Tag\nSentence: 1,Ann,NNP,B-PER\n,left,VBD,O\nSentence: 2,Oslo,NNP,B-LOC\n",
    "spans": "id,text,start,end,label\n1,Ann left,0,3,PER\n2,Oslo fell,0,4,LOC\n",
}
PIECES = [
    "", "\x00", "\ufeff", "\n", "\r", "\t", " ", ",", ";", '"', "'", "\\", "|", "[", "]", "{", "}", "<", ">", "&", "#", "/",
    "null", "NaN", "Infinity", "-1", "0", "1e999", "9" * 400, "9" * 5000, "1500000000", "true", "[]", "{}", '""', "O", "B-", "I-X",
    "-", "_", "\\ud83d", "\U0001f600", "\u202e", "\u2028", "\x1b[2J", "中", "é", "[[[[", "<a>", "</a>", "<!ENTITY x 'y'>", "&#0;",
    "../../etc/passwd", "```", "-DOCSTART-", "#Text=", "T1\t", "()", "0:5:A", "<START:x>", "[a](B)", "{{a:b}}", "\u3000", "`", "~~~",
]  # fmt: skip
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    1.5,
    float("inf"),
    float("nan"),
    10**400,
    1_500_000_000,
    "",
    "x",
    "\ud83d",
    [],
    [[]],
    {},
    {"a": 1},
    ["a"],
    [1],
    "1",
]


class Failure(NamedTuple):
    """An input that was neither converted nor refused as it must be. file: its name, content: what is in it."""

    why: str
    file: str
    content: bytes


def seeds() -> list[tuple[str, bytes]]:
    """Names and contents of valid files, all small."""
    found = [(file, content) for file, content, _ in SAMPLES.values()]
    found += [(file, content) for _, file, content, _ in VARIANTS]
    found += [(each[1], each[2]) for cases in (EXPORTS, TOOL_SAMPLES) for each in cases.values()]
    found += [(f"{name}.csv", content) for name, content in TABLES.items()]
    return [
        (Path(file).name, content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
        for file, content in found
    ]


def _values(tree: Any, rng: random.Random) -> Any:
    """A JSON tree with one of its values in another's place, of another kind, or gone."""
    if isinstance(tree, dict) and tree and rng.random() < 0.85:
        key = rng.choice(list(tree))
        if rng.random() < 0.1:
            return {k: v for k, v in tree.items() if k != key}
        return {**tree, key: _values(tree[key], rng)}
    if isinstance(tree, list) and tree and rng.random() < 0.85:
        at = rng.randrange(len(tree))
        if rng.random() < 0.1:
            return tree[:at] + tree[at + 1 :]
        return [*tree[:at], _values(tree[at], rng), *tree[at + 1 :]]
    return rng.choice(VALUES)


def _json(content: bytes, rng: random.Random) -> bytes | None:
    text = content.decode("utf-8", "replace")
    try:
        return json.dumps(_values(json.loads(text), rng)).encode()
    except ValueError:
        pass
    lines = text.splitlines()
    at = rng.randrange(len(lines)) if lines else 0
    try:
        lines[at] = json.dumps(_values(json.loads(lines[at]), rng))
    except (ValueError, IndexError):
        return None
    return "\n".join(lines).encode() + b"\n"


def mutate(content: bytes, others: list[tuple[str, bytes]], rng: random.Random) -> bytes:
    """The content, changed one to four times."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind = rng.randrange(9)
        at = rng.randrange(len(content) + 1)
        end = min(len(content), at + rng.choice((1, 2, 5, 20, 100)))
        if kind == 0:
            content = content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        elif kind == 1:
            content = content[:at] + content[end:]
        elif kind == 2:
            content = content[:at] + rng.choice(PIECES).encode("utf-8", "surrogatepass") + content[at:]
        elif kind == 3:
            content = content[:at] + rng.choice(PIECES).encode("utf-8", "surrogatepass") + content[end:]
        elif kind == 4:
            content = content[:end] + content[at:end] * rng.choice((1, 3, 50)) + content[end:]
        elif kind == 5:
            content = content[:at]
        elif kind == 6:
            lines = content.split(b"\n")
            rng.shuffle(lines) if rng.random() < 0.3 else lines.insert(
                rng.randrange(len(lines)), rng.choice(lines)
            )
            content = b"\n".join(lines)
        elif kind == 7:
            other = rng.choice(others)[1]
            content = content[:at] + other[rng.randrange(len(other) + 1) :]
        else:
            content = _json(content, rng) or content
    return content[:200_000]


def _options(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.7:
        return {}
    return rng.choice(
        [
            {"format": rng.choice(sorted(formats()))},
            {"text_column": "text", "entities_column": "entities"},
            {"token_column": rng.choice(("tokens", 0)), "tag_column": rng.choice(("ner_tags", 1, -1))},
            {"skip_bad": "all"},
            {"lang": "zh"},
            {"offsets": rng.choice(("inclusive", "utf16", "bytes", "one-based", "characters"))},
            {"group_by": "id"},
            {"n_sents": 2},
            {"annotator": "1"},
            {"to": rng.choice(("conll", "jsonl", "csv", "brat", "inline-xml"))},
        ]
    )


class _Slow(BaseException):
    """Not an Exception, so that no reader takes it for damage."""


def _ring(*_: object) -> None:
    raise _Slow


def attempt(folder: Path, name: str, content: bytes, options: dict[str, Any]) -> tuple[str | None, float]:
    """Converts one file. What was wrong with that, or None; and the seconds that it took."""
    path = folder / name
    path.write_bytes(content)
    if name.endswith(".ann"):
        path.with_suffix(".txt").write_text(BRAT_TXT, encoding="utf-8")
    output = folder / "out" / "a.spacy"
    began = time.perf_counter()
    signal.signal(signal.SIGALRM, _ring)
    signal.alarm(LIMIT)
    why = None
    try:
        convert(str(path), output, **options)
    except CloudnerError as error:
        message = str(error)
        if printable(message) != message or len(message) > 3000:
            why = f"not one printable line: {message[:200]!r}"
    except _Slow:
        why = f"over {LIMIT} s"
    except Exception:
        why = traceback.format_exc(limit=-4)
    finally:
        signal.alarm(0)
    seconds = time.perf_counter() - began
    left = [each.name for each in (folder / "out").glob(".*.tmp")] if (folder / "out").exists() else []
    if left:
        why = why or f"left behind: {left}"
    _clear(folder)
    return why, seconds


def _clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


def run(count: int, seed: int, every: int = 0) -> list[Failure]:
    """Converts `count` mutations; every: how often to print how far it is (0: never)."""
    rng = random.Random(seed)
    files = [*seeds(), ("a.ann", BRAT_ANN.encode())]
    found: list[Failure] = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(1, count + 1):
            file, content = rng.choice(files)
            changed = mutate(content, files, rng)
            why, _ = attempt(Path(name), file, changed, _options(rng))
            if why is not None:
                found.append(Failure(why, file, changed))
            if every and number % every == 0:
                print(f"{number:,} mutations, {len(found)} failures", flush=True)
    return found


def probe_time(count: int, seed: int) -> list[Failure]:
    """Samples with a piece of them repeated 1,000 and 2,000 times, where the longer one takes three times as long."""
    rng = random.Random(seed)
    found: list[Failure] = []
    files = seeds()
    with tempfile.TemporaryDirectory() as name:
        for _ in range(count):
            file, content = rng.choice(files)
            at = rng.randrange(len(content))
            piece = content[at : at + rng.choice((1, 1, 2, 4, 8))]
            if rng.random() < 0.3:
                piece = rng.choice(PIECES[1:]).encode("utf-8", "surrogatepass")[:10]
            made = [
                content[:at] + piece * (times * 8 // max(1, len(piece))) + content[at:]
                for times in (1000, 2000)
            ]
            (_, short), (why, long) = (attempt(Path(name), file, each, {}) for each in made)
            if why is not None or (long > 3 * short and long > 0.5):
                found.append(
                    Failure(
                        why or f"{short:.2f} s and {long:.2f} s for twice as much of {piece!r}", file, made[1]
                    )
                )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--time", type=int, default=0, help="probes of the time that repetitions take")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    found = run(options.count, options.seed, 1000) + probe_time(options.time, options.seed)
    for number, failure in enumerate(found):
        print(f"--- {failure.file} ({len(failure.content)} bytes): {failure.why}")
        if options.keep is not None:
            options.keep.mkdir(parents=True, exist_ok=True)
            (options.keep / f"{number:04}-{failure.file}").write_bytes(failure.content)
    print(
        f"{options.count:,} mutations and {options.time:,} probes of time, seed {options.seed}: {len(found)} failures"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
