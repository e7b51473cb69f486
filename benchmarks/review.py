"""Does `review` find planted errors? Precision and recall on a corpus with errors of four kinds, beside cleanlab.

    pip install cleanlab
    python -m benchmarks.review
    python -m benchmarks.review --share 0.2 --seeds 0,1,2 --json build/review-20.json

A share of the entities is corrupted, a quarter each: another type, a boundary moved by one token, an entity left out, one
invented (`benchmarks/corruption.py`). Both sides judge by the same out-of-fold pipelines. cleanlab's side is
`cleanlab.token_classification.filter.find_label_issues` on the tags' calibrated probabilities, ranked by self-confidence,
flagged neighbours of one text as one place. `precision_100`: of the first hundred rows, those that touch a token whose annotation was
corrupted; `recall_2n`: corrupted places that the first 2 N rows touch, N the number of errors. `exact` counts of review's
rows only those about the planted annotation itself. `--regain` also trains on the corpus without errors, with them, and as it is after
a person has gone through the first 2 N rows and accepted those whose suggestion is right, and gives F1 on `--test` for the three.
What is kept in the work folder is not trained again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import say, shown_command
from benchmarks.corruption import KINDS, Planted, Span, corrupt
from benchmarks.data import ROOT
from benchmarks.machine import machine, versions

Place = tuple[int, set[int]]  # document, tokens


def scores(places: Sequence[Place], planted: Sequence[Planted]) -> dict[str, Any]:
    """Precision of the first hundred places, recall at twice the number of errors, also by kind."""
    touched: list[set[int]] = []
    by_doc: dict[int, list[int]] = {}
    for number, error in enumerate(planted):
        by_doc.setdefault(error.doc, []).append(number)
    for doc, tokens in places:
        touched.append({n for n in by_doc.get(doc, ()) if planted[n].tokens & tokens})
    found = set().union(*touched[: 2 * len(planted)])
    first = touched[:100]
    return {
        "rows": len(places),
        "precision_100": round(sum(map(bool, first)) / max(1, len(first)), 4),
        "recall_2n": round(len(found) / len(planted), 4),
        "recall_2n_by_kind": {
            kind: round(
                sum(planted[n].kind == kind for n in found) / sum(each.kind == kind for each in planted), 4
            )
            for kind in KINDS
        },
    }


def places_of(suspects: Sequence[Any]) -> list[Place]:
    """The tokens about which each suspect says something."""
    made = []
    for each in suspects:
        spans = [span for span in (each.given, each.suggested) if span is not None]
        tokens = set().union(*(range(start, end) for start, end, _ in spans))
        if len(spans) == 2 and spans[0][2] == spans[1][2]:
            tokens = set(range(*spans[0][:2])) ^ set(range(*spans[1][:2]))
        made.append((each.document, tokens))
    return made


def exact(suspects: Sequence[Any], planted: Sequence[Planted]) -> dict[str, float]:
    """The same two figures, counting only rows whose annotation is the planted one, or that want a missed entity back."""
    by_doc: dict[int, list[tuple[int, Planted]]] = {}
    for number, error in enumerate(planted):
        by_doc.setdefault(error.doc, []).append((number, error))

    def hit(each: Any) -> int | None:
        for number, error in by_doc.get(each.document, ()):
            if error.after is not None and each.given == error.after:
                return number
            if error.after is None and each.given is None and error.before is not None:
                start, end, _ = each.suggested
                if start < error.before[1] and error.before[0] < end:
                    return number
        return None

    hits = [hit(each) for each in suspects[: 2 * len(planted)]]
    found = {number for number in hits if number is not None}
    return {
        "precision_100": sum(number is not None for number in hits[:100]) / 100,
        "recall_2n": round(len(found) / len(planted), 4),
    }


def cleanlab_places(docs: Sequence[Any], work: Path, gpu_id: str) -> list[Place]:
    """Flagged tokens by cleanlab's rank, neighbours in one text as one place."""
    from cleanlab.token_classification.filter import find_label_issues

    tags, probabilities = token_probabilities(docs, work, gpu_id)
    found = find_label_issues(tags, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)
    flagged = {(int(doc), int(token)) for doc, token in found}
    places: list[Place] = []
    seen: set[tuple[int, int]] = set()
    for doc, token in ((int(d), int(t)) for d, t in found):
        if (doc, token) in seen:
            continue
        low = high = token
        while (doc, low - 1) in flagged:
            low -= 1
        while (doc, high + 1) in flagged:
            high += 1
        seen |= {(doc, each) for each in range(low, high + 1)}
        solid = [each.i for each in docs[doc] if not each.is_space]
        places.append((doc, {solid[each] for each in range(low, high + 1)}))
    return places


def token_probabilities(docs: Sequence[Any], work: Path, gpu_id: str) -> tuple[list[Any], list[Any]]:
    """Of each document the annotated tags (numbers) and the (tokens, tags) calibrated softmax of its fold's pipeline."""
    from spacy.training import Example

    import cloudner
    from cloudner.folds.spans import unannotated
    from cloudner.pieces.gold import gold_tags

    tags: list[Any] = [None] * len(docs)
    probabilities: list[Any] = [None] * len(docs)
    for path in sorted(work.glob("fold-*.json")):
        here = json.loads(path.read_text(encoding="utf8"))["documents"]
        nlp = cloudner.load(path.with_suffix("") / "training", device="cpu" if gpu_id == "-1" else "auto")
        pipe: Any = nlp.get_pipe("cloudner")
        copies = list(unannotated((docs[i] for i in here), nlp))
        examples = [Example(copy, docs[i]) for copy, i in zip(copies, here, strict=True)]
        gold = gold_tags(examples, pipe.scheme)
        emissions = pipe.model.predict(copies)
        logits = emissions.scores / pipe.cfg["temperature"]
        logits = np.exp(logits - logits.max(axis=1, keepdims=True))
        table = logits / logits.sum(axis=1, keepdims=True)
        for number, i in enumerate(here):
            start, end = emissions.offsets[number : number + 2]
            tags[i], probabilities[i] = gold[start:end].tolist(), table[start:end]
    return tags, probabilities


def corrected(
    docs: Sequence[Any], clean: Sequence[set[Span]], suspects: Sequence[Any]
) -> tuple[list[set[Span]], int]:
    """The annotation once those suspects are accepted whose suggestion is what the clean corpus has there; and how many."""
    found: list[set[Span]] = [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in docs]
    accepted = 0
    for each in suspects:
        truth, here = clean[each.document], found[each.document]
        if each.given in truth or (each.suggested is not None and each.suggested not in truth):
            continue
        if each.suggested is None and any(_overlap(each.given, span) for span in truth):
            continue
        rest = here - {each.given}
        if each.suggested is not None:
            if any(_overlap(each.suggested, span) for span in rest):
                continue
            rest.add(each.suggested)
        accepted += rest != here
        found[each.document] = rest
    return found, accepted


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def regained(
    docs: Sequence[Any],
    clean: Sequence[set[Span]],
    suspects: Sequence[Any],
    seed: int,
    work: Path,
    given: argparse.Namespace,
) -> dict[str, Any]:
    """F1 on the test data of trainings on the clean, the corrupted and the corrected annotation."""
    from spacy.tokens import DocBin, Span

    made: dict[str, Any] = {}
    fixed, made["accepted"] = corrected(docs, clean, suspects)
    spoilt = [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in docs]
    for name, spans in (("clean", clean), ("corrupted", spoilt), ("corrected", fixed)):
        folder = work / f"regain-{name}"
        folder.mkdir(parents=True, exist_ok=True)
        written = DocBin()
        for doc, of_doc in zip(docs, spans, strict=True):
            copy = doc.copy()
            copy.set_ents([Span(copy, *span) for span in sorted(of_doc)])
            written.add(copy)
        written.to_disk(folder / "train.spacy")
        made[name] = trained_f1(folder, seed, given)
    made["regained"] = round((made["corrected"] - made["corrupted"]) / (made["clean"] - made["corrupted"]), 4)
    return made


def trained_f1(folder: Path, seed: int, given: argparse.Namespace) -> float:
    """F1 on the test data of the config's own training on `folder`/train.spacy."""
    import cloudner
    from cloudner.report.evaluate import evaluate

    if not (folder / "done").exists():
        cloudner.train(
            folder / "train.spacy",
            given.dev,
            config=ROOT / "configs" / "cpu.cfg",
            output=folder / "training",
            encoder=given.encoder,
            overrides={"system.seed": seed},
            device="cpu" if given.gpu_id == "-1" else "auto",
            show=False,
        )
        (folder / "done").touch()
    found = evaluate(folder / "training" / "model-best", given.test)
    return round(float(found.strict.micro.f1), 4)


def one(seed: int, given: argparse.Namespace) -> dict[str, Any]:
    from cloudner.folds.documents import read_config, read_corpus
    from cloudner.folds.out_of_fold import FoldOptions, likely_of, out_of_fold
    from cloudner.reviewing.suspects import Annotated, find_suspects

    config = ROOT / "configs" / "cpu.cfg"
    plain = read_config(config, {})
    corpus = read_corpus(given.data, plain)
    del corpus.docs[given.docs or len(corpus.docs) :]
    clean = [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in corpus.docs]
    planted = corrupt(corpus.docs, given.share, seed)
    work = given.work / f"{given.data.stem}-{len(corpus.docs)}-{given.share:g}-{seed}"
    options = FoldOptions(
        folds=given.folds, seed=seed, encoder=given.encoder, gpu_id=given.gpu_id, keep_pipelines=True
    )
    likely = likely_of(out_of_fold(corpus, config, plain, work, options), corpus.docs)
    suspects = find_suspects([Annotated.of(doc) for doc in corpus.docs], likely)
    made: dict[str, Any] = {
        "seed": seed,
        "documents": len(corpus.docs),
        "entities": sum(len(doc.ents) for doc in corpus.docs),
        "errors": len(planted),
        "review": {**scores(places_of(suspects), planted), "exact": exact(suspects, planted)},
    }
    if given.regain:
        made["regain"] = regained(corpus.docs, clean, suspects[: 2 * len(planted)], seed, work, given)
    try:
        made["cleanlab"] = scores(cleanlab_places(corpus.docs, work, given.gpu_id), planted)
    except ImportError as error:
        made["cleanlab"] = {"not_measured": str(error)}
    return made


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.review",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=ROOT / "assets" / "train.csv")
    parser.add_argument("--docs", type=int, default=0, help="the first so many documents; 0: all")
    parser.add_argument(
        "--regain", action="store_true", help="train on clean, corrupted and corrected data too"
    )
    parser.add_argument("--dev", type=Path, default=ROOT / "assets" / "dev.csv", help="of --regain")
    parser.add_argument("--test", type=Path, default=ROOT / "assets" / "test.csv", help="of --regain")
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--encoder", default=None)
    parser.add_argument("--gpu-id", default="-1")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "review")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "results" / "review.json")
    given = parser.parse_args(arguments)
    found = versions()
    with suppress(PackageNotFoundError):
        found["cleanlab"] = version("cleanlab")
    record: dict[str, Any] = {
        "command": shown_command(["benchmarks.review", *arguments]),
        "machine": machine("cpu"),
        "versions": found,
        "share": given.share,
        "runs": [],
    }
    for seed in (int(each) for each in given.seeds.split(",")):
        record["runs"].append(one(seed, given))
        say(json.dumps(record["runs"][-1], indent=1))
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
