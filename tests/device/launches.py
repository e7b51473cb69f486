"""Operators launched by a training step and by a batch of `nlp.pipe` of a 12-layer BERT, by part.

    python tests/device/launches.py [--precision bf16|fp16|fp32] [--docs 16] [--json]

Views are not counted, an operator of a list of tensors is one. On a GPU some operators are several kernels, and attention,
which is here a softmax between two products, is one. That a step is fast the figures do not say; what a change saves they do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
SHAPE = {"hidden_size": 48, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 96}


def count(precision: str, n_docs: int) -> dict[str, dict[str, Any]]:
    """For "training" and "prediction": launches by part and by operator, and the waits."""
    import tiny
    from device.runs.common import device, encoder, shim_of

    nlp = tiny.make_nlp(encoder("bert", **SHAPE), device="cuda", mixed_precision=precision, dropout=0.1)
    shim = shim_of(nlp)
    data = [tiny.DATA[i % len(tiny.DATA)] for i in range(n_docs)]
    examples, optimizer = tiny.make_examples(nlp, data), tiny.adamw()
    texts = [text for text, _ in data]
    for _ in range(2):
        nlp.update(examples, sgd=optimizer, drop=0.1)
    parts: Counter[str] = Counter()
    counted = [
        (shim.runner, "_sequences", "input"),
        (shim.runner, "scores", "forward"),
        (shim.runner, "_run", "forward"),
        (shim.step, "gradients", "gradients"),
        (shim, "finish_update", "finish"),
    ]
    for owner, method, part in counted:
        setattr(owner, method, _counting(getattr(owner, method), part, parts, device.native.launched_so_far))

    def measure(work: Any) -> dict[str, Any]:
        parts.clear()
        with device.watch() as seen:
            work()
        rest = len(seen.launches) - parts.total()
        operators = Counter(name.removeprefix("aten::") for name in seen.launches)
        return {
            "total": len(seen.launches),
            "parts": {**parts, "rest": rest},
            "operators": dict(operators.most_common()),
            "waits": [str(wait) for wait in seen.waits],
        }

    training = measure(lambda: nlp.update(examples, sgd=optimizer, drop=0.1))
    list(nlp.pipe(texts, batch_size=n_docs))  # the prediction copy is made
    return {"training": training, "prediction": measure(lambda: list(nlp.pipe(texts, batch_size=n_docs)))}


def _counting(function: Any, part: str, parts: Counter[str], so_far: Any) -> Any:
    def counted(*args: Any, **kwargs: Any) -> Any:
        before = so_far()
        try:
            return function(*args, **kwargs)
        finally:
            parts[part] += so_far() - before

    return counted


def show(found: dict[str, dict[str, Any]]) -> str:
    """The counts as text: a line by part, a line of the most frequent operators, a line a wait."""
    lines = []
    for what, unit in (("training", "step"), ("prediction", "batch")):
        one = found[what]
        by_part = ", ".join(f"{part} {n}" for part, n in one["parts"].items())
        often = ", ".join(f"{name} {n}" for name, n in list(one["operators"].items())[:20])
        lines += [f"{what}: {one['total']} launches a {unit} ({by_part})", f"    {often}"]
        lines += [f"    waits: {wait}" for wait in one["waits"]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--precision", default="bf16", choices=("fp32", "bf16", "fp16"))
    parser.add_argument("--docs", type=int, default=16, help="documents of a step and of a batch")
    parser.add_argument("--json", action="store_true", help="the counts as JSON")
    arguments = parser.parse_args()
    found = count(arguments.precision, arguments.docs)
    print(json.dumps(found, indent=2) if arguments.json else show(found))


if __name__ == "__main__":
    # As a file, too: beside `tests`, this checkout's sources, and not this folder, whose names are a package's.
    sys.path[0] = str(TESTS)
    sys.path.insert(1, str(TESTS.parent / "src"))
    import device.runs  # noqa: F401

    main()
