"""The one list of annotation formats: those of the families here and installed `cloudner_formats`.

Another package adds a format with an entry point of the group `cloudner_formats` that names a
`cloudner.corpus.contract.Format` object (or a sequence of them):

    [project.entry-points.cloudner_formats]
    my-format = "my_package.my_module:FORMAT"
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterable
from importlib.metadata import entry_points
from types import MappingProxyType

from cloudner.corpus.contract import Format
from cloudner.errors import ConfigError

ENTRY_POINT_GROUP = "cloudner_formats"


def _formats_in(thing: object) -> Iterable[Format]:
    if isinstance(thing, Format):
        yield thing
    elif isinstance(thing, (list, tuple)):
        yield from (item for item in thing if isinstance(item, Format))


# Where each format that comes with cloudner is defined, by its family.
_BUILTIN = {
    "columns": {
        "conll": "conll:CONLL",
        "conll-biluo": "conll:CONLL_BILUO",
        "conll2012": "conll2012:CONLL2012",
        "conllu": "conllu:CONLLU",
        "germeval2014": "germeval:GERMEVAL",
        "hipe": "hipe:HIPE",
        "spacy-iob": "spacy_iob:IOB",
    },
    "tables": {
        "csv": "documents:CSV",
        "tsv": "documents:TSV",
        "comprehend": "comprehend:COMPREHEND",
        "label-columns": "label_columns:LABEL_COLUMNS",
        "mention-table": "mentions:MENTION_TABLE",
        "span-table": "spans:SPAN_TABLE",
        "tagged-cells": "cells:TAGGED_CELLS",
        "tag-table": "tags:TAG_TABLE",
        "token-table": "tokens:TOKEN_TABLE",
    },
    "json": {
        "jsonl": "jsonl:JSONL",
        "doccano": "doccano:DOCCANO",
        "prodigy": "prodigy:PRODIGY",
        "label-studio": "label_studio:LABEL_STUDIO",
        "label-studio-min": "label_studio_min:JSON_MIN",
        "argilla": "argilla:ARGILLA",
        "assistants": "assistants:ASSISTANTS",
        "automl": "automl:AUTOML",
        "azure": "azure:AZURE",
        "bigbio": "bigbio:BIGBIO",
        "chat": "chat:CHAT",
        "cluener": "cluener:CLUENER",
        "cmeee": "cmeee:CMEEE",
        "corenlp": "corenlp:CORENLP",
        "dataturks": "dataturks:DATATURKS",
        "entity-rows": "entity_rows:ENTITY_ROWS",
        "ground-truth": "ground_truth:MANIFEST",
        "kili": "kili:KILI",
        "labelbox": "labelbox:LABELBOX",
        "mentions": "mentions:MENTIONS",
        "stanza": "corenlp:STANZA",
        "tagtog": "tagtog:TAGTOG",
        "token-pairs": "token_pairs:TOKEN_PAIRS",
        "token-spans": "token_spans:TOKEN_SPANS",
        "ubiai": "ubiai:UBIAI",
        "uie": "uie:UIE",
        "uima-json": "uima:UIMA_JSON",
        "watson-nlu": "watson_nlu:WATSON_NLU",
    },
    "huggingface": {
        "hf-jsonl": "hf_jsonl:HF_JSON",
        "parquet": "parquet_arrow:PARQUET",
        "arrow": "parquet_arrow:ARROW",
    },
    "xml": {
        "bioc": "bioc:BIOC",
        "gate": "gate:GATE",
        "i2b2": "i2b2:I2B2",
        "inline-xml": "inline:INLINE_XML",
        "xmi": "xmi:XMI",
    },
    "text": {
        "braces": "braces:BRACES",
        "brat": "brat:BRAT",
        "markup": "markup:MARKUP",
        "opennlp": "opennlp:OPENNLP",
        "peoples-daily": "peoples_daily:PEOPLES_DAILY",
        "pubtator": "pubtator:PUBTATOR",
        "rasa": "rasa:RASA",
        "slash-tags": "slash_tags:SLASH_TAGS",
        "stanford": "stanford:STANFORD",
        "webanno": "webanno:WEBANNO",
    },
    "spacy": {
        "spacy": "docbin:SPACY",
        "spacy-example-json": "example:EXAMPLE",
        "spacy-tuples": "tuples:TUPLES",
        "spacy-v2-json": "v2_json:V2_JSON",
        "spacy-v3-json": "v3_json:V3_JSON",
    },
}


@functools.cache
def formats() -> MappingProxyType[str, Format]:
    """Every known format by its name. Format modules are imported at the first call, not before.

    Raises ConfigError when an installed entry point cannot be loaded or takes a name that is in use.
    """
    found: dict[str, Format] = {}
    for family, homes in _BUILTIN.items():
        for name, home in homes.items():
            module, attribute = home.split(":")
            found[name] = getattr(
                importlib.import_module(f"cloudner.corpus.formats.{family}.{module}"), attribute
            )
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            thing = point.load()
        except Exception as error:
            raise ConfigError(
                f"the entry point {point.name!r} ({point.value}) in {ENTRY_POINT_GROUP} does not load: {error}",
                fix="repair or uninstall the package that declares it",
            ) from error
        for fmt in _formats_in(thing):
            if fmt.name in found and found[fmt.name] is not fmt:
                raise ConfigError(
                    f"the entry point {point.value} names its format {fmt.name!r}, which is in use",
                    expected="a name of its own",
                )
            found[fmt.name] = fmt
    return MappingProxyType(found)


def get_format(name: str) -> Format:
    """The format of that name. Raises ConfigError with the nearest names when there is none."""
    import difflib

    known = formats()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3)
    raise ConfigError(
        f"no format is called {name!r}",
        expected="one of " + ", ".join(sorted(known)),
        fix=f"--format {near[0]}" if near else None,
    )


def format_for_output(path: str, to: str = "auto") -> Format:
    """The writable format for an output path, by `to` or by the extension. Raises ConfigError without one."""
    if to != "auto":
        fmt = get_format(to)
        if fmt.write is None and fmt.write_path is None:
            raise ConfigError(
                f"the format {to!r} can be read but not written",
                expected="one of " + ", ".join(sorted(_writable())),
            )
        return fmt
    lower = path.lower()
    for fmt in sorted(_writable().values(), key=lambda fmt: _PREFERRED.get(fmt.name, 9)):
        if any(lower.endswith(extension) for extension in fmt.extensions):
            return fmt
    raise ConfigError(
        f"no writable format goes with the name {path!r}",
        expected="a name that ends in .spacy, .jsonl, .csv, .conll, ...",
        fix="--to NAME with one of " + ", ".join(sorted(_writable())),
    )


# Where several formats share an extension, the plainest one is written unless `to` says otherwise.
_PREFERRED = {
    "spacy": 0,
    "jsonl": 1,
    "csv": 1,
    "tsv": 1,
    "conll": 1,
    "spacy-v3-json": 2,
    "parquet": 1,
    "conllu": 1,
}


def _writable() -> dict[str, Format]:
    return {name: fmt for name, fmt in formats().items() if fmt.write or fmt.write_path}
