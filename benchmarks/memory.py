"""Predicted against real peak memory, and the tensors that the prediction counts.

    python -m benchmarks.memory peak              # this CPU: resident set; on a GPU: what the allocator had out
    python -m benchmarks.memory peak --device cuda --precision bf16
    python -m benchmarks.memory count             # bytes that autograd saves a word piece and layer
    python -m benchmarks.memory scores            # bytes a score of a span costs, on this CPU

`peak` runs each shape in a process of its own (weights are random): two accumulated micro-batches, an optimizer step,
and the same again, as training does; it writes benchmarks/results/memory-DEVICE.json (memory-cpu-bf16.json). On the CPU it subtracts what
the process held before the encoder was made.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
from typing import Any

from benchmarks.data import ROOT
from benchmarks.memory_runs import CPU_RUNS, GPU_RUNS, ROWS, SHAPES


def shape_of(name: str):
    from cloudner.hardware import EncoderShape

    hidden, layers, heads, intermediate, vocab = SHAPES[name]
    return EncoderShape(name, hidden, layers, heads, intermediate, vocab)


def network(name: str, device: str, checkpointing: bool):
    import torch
    from transformers import BertConfig, BertForTokenClassification

    hidden, layers, heads, intermediate, vocab = SHAPES[name]
    config = BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        vocab_size=vocab,
        num_labels=17,
    )
    torch.manual_seed(0)
    made = BertForTokenClassification(config).to(device).train()
    if checkpointing:
        made.gradient_checkpointing_enable()
    return made


def batch(name: str, pieces: int, length: int, device: str) -> dict:
    import torch

    rows = max(1, pieces // length)
    ids = torch.randint(5, 1000, (rows, length), device=device)
    mask = torch.ones((rows, length), dtype=torch.long, device=device)
    mask[:, -2:] = 0
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": torch.randint(0, 17, (rows, length), device=device),
    }


def one_peak(name: str, pieces: int, length: int, checkpointing: bool, device: str, precision: str) -> int:
    """Bytes at the peak of training steps in this process."""
    import psutil
    import torch
    import transformers  # noqa: F401  (so that it counts as held before)

    before = psutil.Process().memory_info().rss
    model = network(name, device, checkpointing)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
    kind = torch.bfloat16 if precision == "bf16" else torch.float16
    data = batch(name, pieces, length, device)
    for _ in range(2):
        for _ in range(2):
            with torch.autocast(device, dtype=kind, enabled=precision != "fp32"):
                loss = model(**data).loss
            loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        reserved = torch.cuda.memory_reserved()
        # the context is what is taken beside the allocator's share
        return torch.cuda.max_memory_reserved() + max(0, total - free - reserved)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before


def count(name: str, length: int, precision: str) -> float:
    """Bytes that autograd saves a word piece and layer, attention matrices aside, counted by its own hooks."""
    import torch

    def saved(layers: int) -> int:
        model = network_with(name, layers)
        parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}
        # autocast's copies of the weights count as weights
        copies = {tuple(p.shape) for p in model.parameters()} | {
            tuple(p.T.shape) for p in model.parameters() if p.dim() == 2
        }
        seen: dict[int, int] = {}

        def pack(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in parameters and tuple(tensor.shape) not in copies:
                seen[storage.data_ptr()] = storage.nbytes()
            kept.append(tensor)  # so that no address is used twice
            return tensor

        kept: list = []
        with (
            torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision != "fp32"),
        ):
            loss = model(**batch(name, ROWS * length, length, "cpu")).loss
        del loss
        return sum(seen.values())

    def network_with(shape: str, layers: int):
        from transformers import BertConfig, BertForTokenClassification

        hidden, _, heads, intermediate, _ = SHAPES[shape]
        config = BertConfig(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=intermediate,
            vocab_size=1000,
            num_labels=17,
            attention_probs_dropout_prob=0.0,  # so that the fused kernel runs on the CPU too
        )
        return BertForTokenClassification(config).train()

    return (saved(3) - saved(1)) / 2 / (ROWS * length)


def of_a_score(mode: str, rows: int, length: int, labels: int) -> float:
    """Bytes that the resident set of this process, a fresh one, grows by at most, over the number of scores, as a span head
    scores one micro-batch."""
    import resource

    import numpy as np
    import psutil
    import torch

    from cloudner.model.decoding.span_scores import span_scores
    from cloudner.model.network.span_head import SpanHead, SpanSequences
    from cloudner.model.training.span_loss import span_loss

    width = 64
    head, process = SpanHead(width, labels, 64), psutil.Process()

    def compute(n: int) -> None:
        batch = SpanSequences.__new__(SpanSequences)
        batch.slots, batch.longest = torch.arange(n * length), length
        batch.owned = batch.sizes = torch.full((n,), length)
        vectors = torch.randn(n * length, width, requires_grad=mode == "train")
        if mode == "train":
            gold = torch.arange(n * labels) * length * length
            span_loss(head(vectors, batch), gold, batch.spans()).backward()
            return
        with torch.inference_mode():
            span_scores(head(vectors, batch), batch, np.arange(n) * length, 0.0)

    compute(1)
    before = process.memory_info().rss
    compute(rows)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    return grown / (rows * labels * length**2)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["peak", "count", "scores", "one"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--precision", default=None, choices=["fp32", "bf16", "fp16"])
    parser.add_argument("--run", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    precision = given.precision or ("bf16" if given.device == "cuda" else "fp32")
    if given.command == "one":
        name, pieces, length, checkpointing = json.loads(given.run)
        print(one_peak(name, pieces, length, checkpointing, given.device, precision))
        return
    {"scores": show_scores, "count": show_counts, "peak": lambda: show_peaks(given.device, precision)}[
        given.command
    ]()


def show_scores() -> None:
    for rows, length, labels in ((8, 512, 8), (40, 128, 24), (200, 64, 24)):
        found = []
        for mode in ("train", "predict"):
            with multiprocessing.get_context("spawn").Pool(1) as fresh:
                found.append(fresh.apply(of_a_score, (mode, rows, length, labels)))
        print(f"{rows:3} rows of {length:3}, {labels:2} labels: {found[0]:.1f} bytes a score in training, "
              f"{found[1]:.1f} in prediction")  # fmt: skip


def show_counts() -> None:
    from cloudner.hardware.planning.memory import saved_bytes

    for name in SHAPES:
        for kind in ("fp32", "bf16"):
            formula, counted = saved_bytes(shape_of(name), kind != "fp32"), count(name, 32, kind)
            print(f"{name:16} {kind}: formula {formula:7.0f}, counted {counted:9.0f} bytes a piece and layer")


def show_peaks(device: str, precision: str) -> None:
    import torch

    runs = CPU_RUNS if device == "cpu" else GPU_RUNS
    record = {
        "command": f"python -m benchmarks.memory peak --device {device} --precision {precision}",
        "device": torch.cuda.get_device_name() if device == "cuda" else f"CPU ({platform.machine()})",
        "torch": torch.__version__,
        "runs": [row for run in runs if (row := peak(*run, device, precision))],
    }
    half = "-bf16" if device == "cpu" and precision == "bf16" else ""
    path = ROOT / "benchmarks" / "results" / f"memory-{device}{half}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}")


def peak(
    name: str, pieces: int, length: int, checkpointing: bool, device: str, precision: str
) -> dict[str, Any] | None:
    """Peak memory of one shape beside what is predicted; None, with a line, where its process failed."""
    from cloudner.hardware import training_peak

    run = json.dumps([name, pieces, length, checkpointing])
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.memory", "one",
            "--device", device, "--precision", precision, "--run", run,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"TOKENIZERS_PARALLELISM": "0"},
    )  # fmt: skip
    if done.returncode:
        print(f"{name} {pieces}: {done.stderr.strip().splitlines()[-1]}")
        return None
    real = int(done.stdout.split()[-1])
    predicted = training_peak(
        shape_of(name),
        pieces,
        length,
        device=device,
        precision=precision,
        gradient_checkpointing=checkpointing,
        accumulated=True,
    ).total
    print(
        f"{name:16} {pieces:6} pieces in rows of {length:3}{' checkpointing' if checkpointing else '':14} "
        f"predicted {predicted / 1e9:5.2f} GB, real {real / 1e9:5.2f} GB, ratio {predicted / real:.2f}"
    )
    return {
        "shape": name,
        "pieces": pieces,
        "length": length,
        "checkpointing": checkpointing,
        "precision": precision,
        "real_bytes": real,
        "predicted_bytes": predicted,
        "predicted_over_real": round(predicted / real, 3),
    }


if __name__ == "__main__":
    main()
