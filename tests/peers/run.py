"""spaCy's and spacy-transformers' own tests with cloudner in place of `ner`: python tests/peers/run.py [FILE ...]

The installed packages carry these tests. Prints a table of tests passed, failed by a documented difference
(`differences.py`), failed, not applicable (those that make no `ner` component), and cut short: failed without making
one. The names that the tests ask a model hub for lead to tiny random encoders. Exit code 1 where a test fails without a reason, or one with a reason always passes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# What the tests name of the hub, and the family of `tiny.FAMILIES` that stands there.
HUB = {
    "roberta-base": "roberta",
    "albert-base-v2": "albert",
    "distilbert-base-uncased": "distilbert",
    "hf-internal-testing/tiny-random-DistilBertModel": "distilbert",
    "hf-internal-testing/tiny-xlm-roberta": "xlm-roberta",
}
FILES = (
    "spacy/tests/doc/test_add_entities.py",
    "spacy/tests/parser/test_ner.py",
    "spacy/tests/parser/test_add_label.py",
    "spacy/tests/pipeline/test_entity_ruler.py",
    "spacy/tests/pipeline/test_pipe_factories.py",
    "spacy/tests/pipeline/test_pipe_methods.py",
    "spacy/tests/pipeline/test_tok2vec.py",
    "spacy/tests/pipeline/test_entity_linker.py",
    "spacy/tests/serialize/test_serialize_config.py",
    "spacy/tests/serialize/test_serialize_language.py",
    "spacy/tests/serialize/test_serialize_pipeline.py",
    "spacy/tests/training/test_training.py",
    "spacy/tests/training/test_rehearse.py",
    "spacy/tests/training/test_logger.py",
    "spacy/tests/test_cli.py",
    "spacy_transformers/tests/test_pipeline_component.py",
    "spacy_transformers/tests/test_serialize.py",
)


@dataclass
class Result:
    """What became of a file's tests, by name."""

    file: str
    passed: list[str] = field(default_factory=list)
    differs: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    not_applicable: int = 0
    cut_short: dict[str, str] = field(default_factory=dict)


def run(file: str, folder: Path, encoder: Path, hub: Path) -> Result:
    """The tests of one file of an installed package, in a process of their own."""
    package = file.split("/")[0]
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(package)
    path = Path(found.origin).parent.parent / file
    written = folder / "result.json"
    written.unlink(missing_ok=True)
    environment = {
        **os.environ, "PEERS_ENCODER": str(encoder), "PEERS_RESULT": str(written), "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(hub),
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "stand_in", "-p", "no:cacheprovider", "-c", os.devnull,
        "--rootdir", str(path.parent), "--import-mode=importlib", "--pyargs", file[:-3].replace("/", "."),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    if not written.exists():
        raise RuntimeError(f"{file}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    return sort(file, json.loads(written.read_text(encoding="utf8")))


def write_hub(folder: Path) -> Path:
    """A cache as huggingface_hub keeps it, of the names in `HUB`."""
    import tiny

    for name, family in HUB.items():
        model = folder / f"models--{name.replace('/', '--')}"
        _say_more(tiny.write_encoder(family, model / "snapshots" / "1", positions=520), family)
        (model / "refs").mkdir()
        (model / "refs" / "main").write_text("1")
    return folder


def _say_more(encoder: Path, family: str) -> None:
    """What transformers knows of the hub's tokenizers by their names: longest input, inputs, and the class that is not fast."""
    path = encoder / "tokenizer_config.json"
    settings = {**json.loads(path.read_text(encoding="utf8")), "model_max_length": 512}
    if family == "distilbert":
        pieces = json.loads((encoder / "tokenizer.json").read_text(encoding="utf8"))["model"]["vocab"]
        (encoder / "vocab.txt").write_text("\n".join(sorted(pieces, key=pieces.get)), encoding="utf8")
        settings |= {
            "tokenizer_class": "DistilBertTokenizer",
            "model_input_names": ["input_ids", "attention_mask"],
        }
    path.write_text(json.dumps(settings), encoding="utf8")


def sort(file: str, rows: dict[str, Any]) -> Result:
    from differences import SOMETIMES, reason

    result = Result(file)
    for name, row in rows.items():
        test = name.split("::", 1)[1]
        why = reason(file, test)
        if "Config error for 'ner'" in row["error"] and why is None:  # the stand-in's own signature
            result.failed[test] = row["error"]
        elif not row["made"] and row["outcome"] == "failed":
            result.cut_short[test] = row["error"]
        elif not row["made"] or row["outcome"] == "skipped":
            result.not_applicable += 1
        elif row["outcome"] == "passed":
            (result.passed if why is None or why in SOMETIMES else result.stale).append(test)
        elif why:
            result.differs[test] = why
        else:
            result.failed[test] = row["error"]
    return result


def table(results: list[Result]) -> str:
    rows = [("file", "passed", "differs", "failed", "not applicable", "cut short")]
    for r in results:
        passed = len(r.passed) + len(r.stale)
        rows.append(
            (
                r.file,
                str(passed),
                str(len(r.differs)),
                str(len(r.failed)),
                str(r.not_applicable),
                str(len(r.cut_short)),
            )
        )
    sums = [str(sum(int(row[column]) for row in rows[1:])) for column in range(1, 6)]
    rows.append(("total", *sums))  # type: ignore[arg-type]
    width = max(len(row[0]) for row in rows)
    lines = ["  ".join([row[0].ljust(width), *(cell.rjust(14) for cell in row[1:])]) for row in rows]
    reasons = Counter(why for r in results for why in r.differs.values())
    lines += ["", *(f"differs ({count}): {why}" for why, count in reasons.most_common())]
    lines += [f"FAILED {r.file}::{test}: {error}" for r in results for test, error in r.failed.items()]
    lines += [
        f"cut short {r.file}::{test}: {error[:120]}" for r in results for test, error in r.cut_short.items()
    ]
    lines += [
        f"PASSES, though differences.py says otherwise: {r.file}::{test}" for r in results for test in r.stale
    ]
    return "\n".join(lines)


def main(files: list[str]) -> int:
    sys.path[:0] = [str(HERE), str(HERE.parent)]
    import tiny

    with tempfile.TemporaryDirectory() as folder:
        encoder = tiny.write_encoder("bert", Path(folder) / "encoder")
        hub = write_hub(Path(folder) / "hub")
        results = []
        for file in files or FILES:
            print(file, flush=True, file=sys.stderr)
            results.append(run(file, Path(folder), encoder, hub))
    print(table(results))
    return int(any(r.failed or r.stale for r in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
