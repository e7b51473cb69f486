"""The data of an update: what new documents leave out, and old documents beside them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, DocBin, Span
from spacy.util import filter_spans
from spacy.vocab import Vocab

from cloudner.atomic import write_bytes
from cloudner.corpus.docbin.load import docbin_docs
from cloudner.errors import ConfigError
from cloudner.pieces.span_gold import annotated

Row = tuple[str, Any, str]


def labels_in(path: Path, key: str | None = None) -> list[str]:
    """The entity labels of a `.spacy` corpus. key: of the group of spans that is learnt from, None for `doc.ents`."""
    return sorted({ent.label_ for doc in _docs(path, Vocab()) for ent in annotated(doc, key)})


def fill_in(path: Path, base: Path, labels: Sequence[str], device: str, key: str | None = None) -> list[Row]:
    """Add the base's own entities of `labels` to the documents of `path`, in `doc.ents` where nothing else is annotated.

    For labels that occur in none of the documents: nobody has annotated them there, and as O they would be unlearnt.
    key: as in `labels_in`.
    """
    from cloudner.loading import load

    if not labels:
        return []
    nlp, wanted, added = load(base, device=device), set(labels), 0
    docs = list(_docs(path, nlp.vocab))
    found = nlp.pipe(
        Doc(nlp.vocab, words=[t.text for t in d], spaces=[bool(t.whitespace_) for t in d]) for d in docs
    )
    for doc, predicted in zip(docs, found, strict=True):
        own = [
            Span(doc, ent.start, ent.end, ent.label_)
            for ent in (predicted.ents if key is None else predicted.spans.get(key, []))
            if ent.label_ in wanted
        ]
        added += _add(doc, own, key)
    _write(docs, path)
    why = f"{added:,} entities of {', '.join(labels)}, which nobody has annotated in the new documents"
    return [("predicted by the base", f"{added:,} entities", why)]


def _add(doc: Doc, found: Sequence[Span], key: str | None) -> int:
    """Add entities to what is annotated; how many."""
    if key is None:
        taken = {token.i for ent in doc.ents for token in ent}
        own = [span for span in found if taken.isdisjoint(range(span.start, span.end))]
        doc.set_ents([*doc.ents, *own], missing=_missing(doc, own), default="outside")
        return len(own)
    if key not in doc.spans and not doc.has_annotation("ENT_IOB"):
        return 0  # nobody has annotated anything: a group would say that there is nothing else
    doc.spans[key] = [*annotated(doc, key), *found]
    return len(found)


def add_old(
    path: Path,
    old: Any,
    share: float,
    *,
    never: Sequence[Path],
    seed: int,
    reading: Mapping[str, Any],
    key: str | None = None,
) -> list[Row]:
    """Add a share of the old documents, stratified by label, to the corpus `path`.

    Documents with the words of one in `path` or `never` are left out. Where an old document has a text that the new ones
    annotate with a label that the old ones do not know, it stays without annotation: it is neither that label nor O.
    reading: settings of `cloudner.convert` for the old documents. key: as in `labels_in`.
    """
    if not 0 <= share <= 1:
        raise ConfigError(f"replay = {share}", expected="a share from 0 to 1")
    if not share:
        return [("replay", "none", "as asked for")]
    vocab = Vocab()
    new = list(_docs(path, vocab))
    known = {doc.text for doc in new} | {doc.text for each in never for doc in _docs(each, vocab)}
    every, drawn = _drawn(old, share, seed, reading, vocab, key)
    labels = {ent.label_ for doc in every for ent in annotated(doc, key)}
    kept = [doc for doc in drawn if doc.text not in known]
    new_labels = {ent.label_ for doc in new for ent in annotated(doc, key)} - labels
    unknown = _unsay(kept, new, new_labels, vocab, key)
    _write([*new, *kept], path)
    why = f"{100 * share:.0f} % of {len(every):,} old documents, stratified by label, seed {seed}"
    if len(drawn) > len(kept):
        why += f"; {len(drawn) - len(kept)} left out, which are among the new or the dev documents"
    if unknown:
        why += f"; {unknown} texts in them left without annotation, since the new documents give them a new label"
    return [("replay", f"{len(kept):,} documents", why)]


def _drawn(
    old: Any, share: float, seed: int, reading: Mapping[str, Any], vocab: Vocab, key: str | None
) -> tuple[list[Doc], list[Doc]]:
    """All old documents, and those that are drawn."""
    from cloudner.corpus.convert.convert import convert
    from cloudner.corpus.handed import as_sources

    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder)
        columns = {name: reading.get(name) for name in ("text_column", "entities_column")}
        kept = {**_for_these(old, reading), "spans": key}
        convert(as_sources(old, aside / "old", **columns), aside / "all.spacy", **kept)
        every = list(_docs(aside / "all.spacy", vocab))
        if share == 1 or len(every) < 2:
            return every, every
        convert(aside / "all.spacy", aside / "parts", split=(share, 1 - share), seed=seed, spans=key)
        return every, list(_docs(aside / "parts" / "train.spacy", vocab))


def _for_these(old: Any, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of the new documents' reading that the old ones are read by: not the format, which a `.spacy` file or Docs do not
    have, nor the column of groups, which are not split."""
    files = (
        [old] if isinstance(old, (str, os.PathLike)) else old if isinstance(old, (list, tuple)) else [None]
    )
    named = all(isinstance(file, (str, os.PathLike)) for file in files)
    left_out = {"group_by"}
    if not named or any(Path(str(file)).suffix in ("", ".spacy") for file in files):
        left_out.add("format")
    return {name: value for name, value in reading.items() if name not in left_out}


def _unsay(docs: list[Doc], new: list[Doc], labels: set[str], vocab: Vocab, key: str | None) -> int:
    """Take the annotation from the places in `docs` with the words of an entity of these labels; how many places."""
    from spacy.matcher import PhraseMatcher

    matcher = PhraseMatcher(vocab)
    words = {tuple(t.text for t in ent) for doc in new for ent in annotated(doc, key) if ent.label_ in labels}
    if not words:
        return 0
    matcher.add("new", [Doc(vocab, words=list(each)) for each in sorted(words)])
    count = 0
    for doc in docs:
        taken = {token.i for ent in annotated(doc, key) for token in ent}
        places = [s for s in matcher(doc, as_spans=True) if taken.isdisjoint(range(s.start, s.end))]
        if places:
            count += len(places)
            places = filter_spans([*places, *_missing(doc, [])])
            doc.set_ents(list(doc.ents), missing=places, default="outside")
    return count


def _missing(doc: Doc, but: Sequence[Span]) -> list[Span]:
    """The tokens of which nobody has said what they are, without those of `but`."""
    taken = {token.i for span in but for token in span}
    return [Span(doc, t.i, t.i + 1) for t in doc if t.ent_iob == 0 and t.i not in taken]


def _docs(path: Path, vocab: Vocab) -> Iterator[Doc]:
    for file in sorted(path.rglob("*.spacy")) if path.is_dir() else [path]:
        yield from docbin_docs(file, vocab)


def _write(docs: Sequence[Doc], path: Path) -> None:
    from cloudner.atomic import remove

    if path.is_dir():
        remove(path)
    write_bytes(path, DocBin(docs=docs, store_user_data=True).to_bytes())
