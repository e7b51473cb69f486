"""`.spacy` files: the documents' own tokens, without the annotations they have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from spacy.tokens import Doc
from spacy.vocab import Vocab

from cloudner.bulk.contract import InputFile, Options, Part, Record, Words
from cloudner.bulk.inputs.opening import bytes_source
from cloudner.bulk.inputs.values import Kinds, identity
from cloudner.corpus.docbin.load import docbin_docs, load_docbin


def count(file: InputFile, options: Options, kinds: Kinds | None) -> int:
    """Its documents. kinds: told of every document's meta data, where types are asked for."""
    if kinds is None or not options.columns:
        return len(load_docbin(bytes_source(file)))
    number = 0
    for doc in docbin_docs(bytes_source(file), Vocab()):
        kinds.see(_values(doc, options))
        number += 1
    return number


def records(file: InputFile, part: Part, options: Options) -> Iterator[Record]:
    """The documents of a part. Columns are keys of `doc.user_data["meta"]`, and the text under its name."""
    docs = docbin_docs(bytes_source(file), Vocab())
    for number, doc in enumerate(islice(docs, part.first, part.first + part.rows), start=part.first + 1):
        meta = doc.user_data.get("meta")
        given = meta.get(options.id_column) if options.id_column and isinstance(meta, dict) else None
        yield Record(
            identity(file.name, number, given),
            Words([token.text for token in doc], [bool(token.whitespace_) for token in doc]),
            None,
            _values(doc, options),
        )


def _values(doc: Doc, options: Options) -> dict[str, object]:
    meta = doc.user_data.get("meta")
    known = meta if isinstance(meta, dict) else {}
    return {
        name: doc.text if name == options.text_column and name not in known else known.get(name)
        for name in options.columns
    }
