"""`cloudner.Corpus.v1`: training and evaluation data from any annotated file, folder or object store.

No `from __future__ import annotations` here: spaCy checks a config's values by the annotations of the function.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner, AlignMode
from cloudner.corpus.annotators import Annotators
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.docbin.docs import chunk_docs
from cloudner.corpus.docbin.load import docbin_docs, is_docbin
from cloudner.corpus.files.file import FileSource
from cloudner.corpus.formats.registry import get_format
from cloudner.corpus.reading import Paths, aligned_chunks, corpus_sources
from cloudner.corpus.training.shuffling import shuffled
from cloudner.errors import ConfigError, InputError

Place = tuple[str, int]  # a file, and the document's line in it, or its number in a `.spacy` file, from 1


def create_reader(
    path: str | Path | list[str] | None,
    gold_preproc: bool = False,
    max_length: int = 0,
    limit: int = 0,
    augmenter: Callable | None = None,
    shuffle_buffer: int = 10_000,
    format: str = "auto",
    align: Literal["expand", "contract", "strict"] = "expand",
    labels: dict[str, str] | None = None,
    encoding: str | None = None,
    text_column: str | None = None,
    entities_column: str | None = None,
    token_column: str | int | None = None,
    tag_column: str | int | None = None,
    sentence_column: str | None = None,
    delimiter: str | None = None,
    spans_key: str | None = None,
) -> "Corpus":
    """`cloudner.Corpus.v1`; the arguments are those of `Corpus`. Raises ConfigError without a path."""
    if path is None:
        raise ConfigError(
            "the corpus reader has no path",
            expected="a .spacy file, an annotation file, a folder of them or a URL",
            fix="--paths.train corpus/train.spacy --paths.dev corpus/dev.spacy",
        )
    return Corpus(
        path,
        gold_preproc=gold_preproc,
        max_length=max_length,
        limit=limit,
        augmenter=augmenter,
        shuffle_buffer=shuffle_buffer,
        format=format,
        align=align,
        encoding=encoding,
        spans_key=spans_key,
        options=ReadOptions(
            text_column=text_column,
            entities_column=entities_column,
            token_column=token_column,
            tag_column=tag_column,
            sentence_column=sentence_column,
            delimiter=delimiter,
            labels=dict(labels or {}),
        ),
    )


def reader_for(
    nlp: Language, path: Paths, gold_preproc: bool = False, spans_key: str | None = None
) -> "Corpus":
    """The reader of other data of the kind that a pipeline was trained with: what its config says of the format and the
    columns of the dev corpus holds for `path` too; how many documents and of which length is not carried over. spans_key:
    the group of spans that is read for, where it is not the entities."""
    config = nlp.config.interpolate()
    own = _section(config, str(config.get("training", {}).get("dev_corpus", "")))
    kept = {}
    if own.get("@readers") == "cloudner.Corpus.v1":
        kept = {name: own[name] for name in _HOW_TO_READ if own.get(name) is not None}
    if spans_key is not None:
        kept["spans_key"] = spans_key
    paths = [str(each) for each in path] if isinstance(path, list) else path
    return create_reader(paths, gold_preproc=gold_preproc, **kept)


# The settings of a reader that say how its files are read, not what is done with their documents.
_HOW_TO_READ = (
    "format", "align", "labels", "encoding", "text_column", "entities_column", "token_column", "tag_column",
    "sentence_column", "delimiter", "spans_key",
)  # fmt: skip


class Corpus:
    """Examples from `.spacy` files, from any annotation format, from folders and from object stores.

    path: a file, a pattern, a folder, a URL that fsspec opens (`s3://bucket/train/*.csv`), or a list of such. Of a
        folder with `.spacy` files only these are read, as shards of one corpus in the order of their names. With
        `simplecache::s3://...` fsspec keeps a local copy between epochs.
    gold_preproc, max_length (tokens, 0: any), limit (reference documents, 0: all), augmenter: as in
        `spacy.Corpus.v1`.
    shuffle_buffer: reference documents held for shuffling where training streams (`training.max_epochs = -1`); files
        then also come in random order. spaCy itself shuffles all examples where it does not stream. 0: never.
    format, align, encoding, options: for files that are not `.spacy`; see `cloudner.convert`. Their texts are split
        by the pipeline's own tokenizer.
    spans_key: of such files keep annotations that nest and overlap, in `doc.spans[spans_key]`, for `cloudner_spans`.

    One file of a `.spacy` folder, or 512 records of another format, is in memory at a time. A call begins anew:
    spaCy calls once and keeps the examples, or calls for each epoch where it streams.
    """

    def __init__(
        self,
        path: Paths,
        *,
        gold_preproc: bool = False,
        max_length: int = 0,
        limit: int = 0,
        augmenter: Callable | None = None,
        shuffle_buffer: int = 10_000,
        format: str = "auto",
        align: AlignMode = "expand",
        encoding: str | None = None,
        spans_key: str | None = None,
        options: ReadOptions | None = None,
    ) -> None:
        for name, value in (("max_length", max_length), ("limit", limit), ("shuffle_buffer", shuffle_buffer)):
            if value < 0:
                raise ConfigError(f"{name} = {value} in the corpus reader", expected="0 or more")
        if format != "auto":
            get_format(format)
        self.path, self.gold_preproc, self.max_length, self.limit = path, gold_preproc, max_length, limit
        self.augmenter, self.shuffle_buffer = augmenter, shuffle_buffer
        self.format, self.align, self.encoding, self.spans_key = format, align, encoding, spans_key
        self.options = options or ReadOptions()
        self._told: set[str] = set()

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Examples for a pipeline, references in its vocabulary.

        Raises InputError for a file that cannot be read, and where not one document can be used (spaCy would wait
        for ever for a stream's first batch).
        """
        streams = bool(self.shuffle_buffer) and streams_for_training(nlp, self.path)
        references = self._parts(self.references(nlp, random_order=streams))
        if streams:
            references = shuffled(references, self.shuffle_buffer)
        found = False
        for reference in references:
            found = True
            example = self._example(nlp, reference)
            if self.augmenter is None:
                yield example
            else:
                yield from self.augmenter(nlp, example)
        if not found:
            raise self._nothing()

    def with_places(self, nlp: Language) -> Iterator[tuple[Example, Place]]:
        """The examples in the order of the files, not shuffled, not augmented, each with its place. Raises as a call does."""
        found = False
        for reference, place in self._placed(nlp):
            for part in self._parts([reference]):
                found = True
                yield self._example(nlp, part), place
        if not found:
            raise self._nothing()

    def _nothing(self) -> InputError:
        return InputError(
            "not one document can be used",
            file=_name(self.path),
            expected="documents with text"
            + f" of fewer than {self.max_length} tokens" * bool(self.max_length),
            fix="max_length = 0 in the reader" if self.max_length else "cloudner inspect PATH",
        )

    def references(self, nlp: Language, random_order: bool = False) -> Iterator[Doc]:
        """The annotated documents alone, whole, in the pipeline's vocabulary. random_order: of the files."""
        yield from (doc for doc, _ in self._placed(nlp, random_order))

    def _placed(self, nlp: Language, random_order: bool = False) -> Iterator[tuple[Doc, Place]]:
        aligner: Aligner | None = None
        lost: Counter[str] = Counter()
        annotators = Annotators(self.options.annotator)
        count = 0
        for source in corpus_sources(self.path, self.encoding, random_order, nlp.lang or ""):
            if is_docbin(source):
                numbered = enumerate(docbin_docs(source, nlp.vocab), start=1)
                docs: Iterator[tuple[Doc, Place]] = ((doc, (source.name, number)) for number, doc in numbered)
            else:
                aligner = aligner or Aligner(align=self.align, nlp=nlp, spans=self.spans_key)
                docs = self._aligned(source, aligner, nlp.vocab, lost, annotators)
            for doc, place in docs:
                if not len(doc):
                    continue
                yield doc, place
                count += 1
                if count == self.limit:
                    self._tell_lost(lost)
                    return
        self._tell_lost(lost)

    def _aligned(
        self, source: FileSource, aligner: Aligner, vocab: Vocab, lost: Counter[str], annotators: Annotators
    ) -> Iterator[tuple[Doc, Place]]:
        for chunk in aligned_chunks(source, aligner, self.options, self.format, annotators):
            lost.update(issue.cause for issue in chunk.issues if issue.action in ("dropped", "changed"))
            yield from zip(chunk_docs(chunk, vocab), chunk.places, strict=True)

    def _parts(self, references: Iterable[Doc]) -> Iterator[Doc]:
        """The documents, or their sentences where the settings ask for them; see spaCy's `Corpus`."""
        too_long = 0
        for reference in references:
            marked = reference.has_annotation("SENT_START")
            if self.gold_preproc:
                yield from (sent.as_doc() for sent in reference.sents) if marked else (reference,)
            elif not self.max_length or len(reference) < self.max_length:
                yield reference
            elif marked:
                for sent in reference.sents:
                    if len(sent) < self.max_length:
                        yield sent.as_doc()
                    else:
                        too_long += 1
            else:
                too_long += 1
        if too_long:
            self._tell(
                f"{too_long} documents or sentences of max_length = {self.max_length} tokens or more are left out"
            )

    def _example(self, nlp: Language, reference: Doc) -> Example:
        if self.gold_preproc or reference.has_unknown_spaces:
            words = [token.text for token in reference]
            spaces = [bool(token.whitespace_) for token in reference]
            return Example(Doc(nlp.vocab, words=words, spaces=spaces), reference)
        return Example(nlp.make_doc(reference.text), reference)

    def _tell_lost(self, lost: Counter[str]) -> None:
        if lost:
            causes = ", ".join(f"{cause} {count:,}" for cause, count in lost.most_common())
            self._tell(
                f"{lost.total():,} annotations are dropped or changed ({causes}); "
                f"`cloudner convert {_name(self.path)} corpus.spacy` lists every one"
            )

    def _tell(self, message: str) -> None:
        """Once for a reader, not at every epoch."""
        if message not in self._told:
            self._told.add(message)
            warnings.warn(f"{_name(self.path)}: {message}", stacklevel=3)


def streams_for_training(nlp: Language, path: Paths) -> bool:
    """Does the pipeline's config train on `path` as a stream? False for its dev corpus and without a config."""
    config = nlp.config.interpolate()
    training = config.get("training", {})
    if training.get("max_epochs") != -1:
        return False
    corpus = _section(config, str(training.get("train_corpus", "")))
    return _name(corpus.get("path") or "") == _name(path)


def _section(config: dict[str, Any], dotted: str) -> dict[str, Any]:
    """The part of a config at a dotted name; empty where there is none."""
    section: Any = config
    for key in dotted.split("."):
        section = section.get(key) if isinstance(section, dict) else None
    return section if isinstance(section, dict) else {}


def _name(path: Paths) -> str:
    return " ".join(map(str, path)) if isinstance(path, list) else str(path)
