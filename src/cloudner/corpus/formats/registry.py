"""The one list of annotation formats: a written table of those that come with cloudner, and installed plug-ins.

A format's module is imported when the format is first asked for, so that one costs nothing to those who read another,
and one that does not load costs nobody else. Another package adds a format with an entry point of the group
`cloudner_formats` that names a `cloudner.corpus.contract.Format` object (or a sequence of them):

    [project.entry-points.cloudner_formats]
    my-format = "my_package.my_module:FORMAT"
"""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from cloudner.corpus.contract import Format
from cloudner.errors import ConfigError

ENTRY_POINT_GROUP = "cloudner_formats"
DOCBIN = "spacy"  # the name of the format of `.spacy` files
_IN_BLOCKS = frozenset(
    ("conll", "conll-biluo", "conll2012", "conllu", "corefud", "germeval2014", "hipe", "stanford")
)


class _Home(NamedTuple):
    """Where a format is defined, `module:NAME` in this package, and what every file of it contains.

    content: a kind that `detect` recognises without importing the format (binary, json, table), or a text that occurs
    in the beginning of each file; "" where there is no such sign.
    """

    place: str
    content: str = ""


_BUILTIN = {
    # columns
    "conll": _Home("columns.conll:CONLL"),
    "conll-biluo": _Home("columns.conll:CONLL_BILUO"),
    "conll04": _Home("columns.conll04:CONLL04", "\t"),
    "conll2012": _Home("columns.conll2012:CONLL2012", "("),
    "conllu": _Home("columns.conllu:CONLLU"),
    "corefud": _Home("columns.corefud:COREFUD", "global.Entity"),
    "germeval2014": _Home("columns.germeval:GERMEVAL"),
    "hipe": _Home("columns.hipe:HIPE"),
    "spacy-iob": _Home("columns.spacy_iob:IOB"),
    # tables
    "csv": _Home("tables.documents:CSV", "table"),
    "tsv": _Home("tables.documents:TSV", "table"),
    "comprehend": _Home("tables.comprehend:COMPREHEND", "table"),
    "label-columns": _Home("tables.label_columns:LABEL_COLUMNS", "table"),
    "mention-table": _Home("tables.mentions:MENTION_TABLE", "table"),
    "span-files": _Home("tables.span_files:SPAN_FILES", "table"),
    "span-table": _Home("tables.spans:SPAN_TABLE", "table"),
    "tagged-cells": _Home("tables.cells:TAGGED_CELLS", "<"),
    "tag-table": _Home("tables.tags:TAG_TABLE", "table"),
    "token-table": _Home("tables.tokens:TOKEN_TABLE", "table"),
    # json
    "jsonl": _Home("json.jsonl:JSONL", "json"),
    "doccano": _Home("json.doccano:DOCCANO", "json"),
    "prodigy": _Home("json.prodigy:PRODIGY", "json"),
    "label-studio": _Home("json.label_studio:LABEL_STUDIO", "json"),
    "label-studio-min": _Home("json.label_studio_min:JSON_MIN", "json"),
    "argilla": _Home("json.argilla:ARGILLA", "json"),
    "assistants": _Home("json.assistants:ASSISTANTS", "json"),
    "automl": _Home("json.automl:AUTOML", "json"),
    "azure": _Home("json.azure:AZURE", "json"),
    "bioc-json": _Home("json.bioc:BIOC_JSON", "json"),
    "bigbio": _Home("json.bigbio:BIGBIO", "json"),
    "chat": _Home("json.chat:CHAT", "json"),
    "cluener": _Home("json.cluener:CLUENER", "json"),
    "cmeee": _Home("json.cmeee:CMEEE", "json"),
    "corenlp": _Home("json.corenlp:CORENLP", "json"),
    "dataturks": _Home("json.dataturks:DATATURKS", "json"),
    "diakg": _Home("json.diakg:DIAKG", "json"),
    "dialogflow": _Home("json.dialogflow:DIALOGFLOW", "json"),
    "entity-rows": _Home("json.entity_rows:ENTITY_ROWS", "json"),
    "estner": _Home("json.estner:ESTNER", "json"),
    "ground-truth": _Home("json.ground_truth:MANIFEST", "json"),
    "imcs": _Home("json.imcs:IMCS", "json"),
    "kili": _Home("json.kili:KILI", "json"),
    "labelbox": _Home("json.labelbox:LABELBOX", "json"),
    "massive": _Home("json.massive:MASSIVE", " : "),
    "mentions": _Home("json.mentions:MENTIONS", "json"),
    "mrc": _Home("json.mrc:MRC", "json"),
    "re3d": _Home("json.re3d:RE3D", "json"),
    "stanza": _Home("json.corenlp:STANZA", "json"),
    "tacred": _Home("json.tacred:TACRED", "json"),
    "tagtog": _Home("json.tagtog:TAGTOG", "json"),
    "token-pairs": _Home("json.token_pairs:TOKEN_PAIRS", "["),
    "token-spans": _Home("json.token_spans:TOKEN_SPANS", "json"),
    "ubiai": _Home("json.ubiai:UBIAI", "json"),
    "uie": _Home("json.uie:UIE", "json"),
    "uima-json": _Home("json.uima:UIMA_JSON", "json"),
    "watson-nlu": _Home("json.watson_nlu:WATSON_NLU", "json"),
    # huggingface
    "hf-jsonl": _Home("huggingface.hf_jsonl:HF_JSON", "json"),
    "parquet": _Home("huggingface.parquet_arrow:PARQUET", "binary"),
    "arrow": _Home("huggingface.parquet_arrow:ARROW", "binary"),
    # xml
    "ace": _Home("xml.ace:ACE", "<source_file"),
    "bioc": _Home("xml.bioc:BIOC", "<"),
    "ccl": _Home("xml.ccl:CCL", "<chunkList"),
    "corenlp-xml": _Home("xml.corenlp:CORENLP_XML", "<token"),
    "ddi": _Home("xml.ddi:DDI", "charOffset"),
    "displacy": _Home("xml.displacy:DISPLACY", "<mark"),
    "folia": _Home("xml.folia:FOLIA", "<FoLiA"),
    "gate": _Home("xml.gate:GATE", "<"),
    "i2b2": _Home("xml.i2b2:I2B2", "<"),
    "inline-xml": _Home("xml.inline:INLINE_XML", "<"),
    "knowtator": _Home("xml.knowtator:KNOWTATOR", "<"),
    "nkjp": _Home("xml.nkjp:NKJP", "<TEI"),
    "semeval-absa": _Home("xml.semeval:SEMEVAL", "<sentence"),
    "xml-standoff": _Home("xml.standoff:XML_STANDOFF", "<"),
    "xmi": _Home("xml.xmi:XMI", "<xmi:XMI"),
    "xml-words": _Home("xml.words:XML_WORDS", "<"),
    # text
    "bc2gm": _Home("text.bc2gm:BC2GM", "|"),
    "braces": _Home("text.braces:BRACES", "{{"),
    "brat": _Home("text.brat:BRAT"),
    "bsnlp": _Home("text.bsnlp:BSNLP", "\t"),
    "chemdner": _Home("text.chemdner:CHEMDNER", "\t"),
    "chunk-trees": _Home("text.chunk_trees:CHUNK_TREES", "("),
    "cnec": _Home("text.cnec:CNEC", "<"),
    "factrueval": _Home("text.factrueval:FACTRUEVAL"),
    "i2b2-concepts": _Home("text.i2b2_concepts:I2B2_CONCEPTS"),
    "markup": _Home("text.markup:MARKUP", "]("),
    "opennlp": _Home("text.opennlp:OPENNLP", "<START"),
    "peoples-daily": _Home("text.peoples_daily:PEOPLES_DAILY"),
    "pubtator": _Home("text.pubtator:PUBTATOR", "|t|"),
    "rasa": _Home("text.rasa:RASA"),
    "share-clef": _Home("text.share_clef:SHARE_CLEF"),
    "slash-tags": _Home("text.slash_tags:SLASH_TAGS"),
    "stanford": _Home("text.stanford:STANFORD", "\t"),
    "tags-beside": _Home("text.tags_beside:TAGS_BESIDE"),
    "webanno": _Home("text.webanno:WEBANNO"),
    # spacy
    "spacy": _Home("spacy.docbin:SPACY", "binary"),
    "spacy-example-json": _Home("spacy.example:EXAMPLE", "json"),
    "spacy-tuples": _Home("spacy.tuples:TUPLES"),
    "spacy-v2-json": _Home("spacy.v2_json:V2_JSON", "json"),
    "spacy-v3-json": _Home("spacy.v3_json:V3_JSON", "json"),
}
# What is written to a name with this ending; formats that are not here are written where `to` says so.
_WRITTEN = {
    extension: name
    for name, extensions in (
        ("spacy", ".spacy"),
        ("conll", ".conll .bio .iob .iob2 .conll03 .bmes .tsv .txt"),
        ("conllu", ".conllu .conllup"),
        ("csv", ".csv"),
        ("tsv", ".tab"),
        ("jsonl", ".jsonl .ndjson .json"),
        ("parquet", ".parquet"),
        ("conll-biluo", ".biluo"),
        ("inline-xml", ".xml .sgm .sgml"),
        ("brat", ".ann"),
        ("markup", ".md .markdown"),
        ("opennlp", ".train .opennlp"),
        ("pubtator", ".pubtator"),
        ("stanford", ".tok"),
        ("spacy-tuples", ".py"),
    )
    for extension in extensions.split()
}


class Formats(Mapping[str, Format]):
    """Every known format by its name, the built-in ones first; each is imported when it is looked up."""

    def __getitem__(self, name: str) -> Format:
        return builtin(name) if name in _BUILTIN else plugins()[name]

    def __iter__(self) -> Iterator[str]:
        yield from _BUILTIN
        yield from plugins()

    def __len__(self) -> int:
        return len(_BUILTIN) + len(plugins())

    def __contains__(self, name: object) -> bool:
        return name in _BUILTIN or name in plugins()


def formats() -> Formats:
    """Every known format by its name."""
    return Formats()


def builtins() -> Mapping[str, str]:
    """The formats that come with cloudner: name, and what every file of it contains (see `_Home`)."""
    return {name: home.content for name, home in _BUILTIN.items()}


@functools.cache
def builtin(name: str) -> Format:
    """The format of that name that comes with cloudner. Raises KeyError where there is none."""
    module, attribute = _BUILTIN[name].place.split(":")
    fmt = getattr(importlib.import_module(f"cloudner.corpus.formats.{module}"), attribute)
    assert isinstance(fmt, Format)
    return fmt


@functools.cache
def plugins() -> Mapping[str, Format]:
    """The formats of other packages by name. An entry point that does not load, or takes a name that is in use, is
    left out with one warning."""
    loaded: dict[str, Format] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            offered = point.load()
        except Exception as error:  # whatever the other package raises
            _warn(point, f"does not load ({type(error).__name__}: {error})")
            continue
        for fmt in offered if isinstance(offered, (list, tuple)) else [offered]:
            if not isinstance(fmt, Format):
                _warn(point, f"offers no Format but {type(fmt).__name__}")
            elif fmt.name in _BUILTIN or loaded.get(fmt.name, fmt) is not fmt:
                _warn(point, f"names its format {fmt.name!r}, which is in use")
            else:
                loaded[fmt.name] = fmt
    return loaded


def _warn(point: EntryPoint, problem: str) -> None:
    warnings.warn(
        f"the entry point {point.name} = {point.value} of {ENTRY_POINT_GROUP} {problem}; the other formats work: "
        "repair or uninstall the package that declares it",
        stacklevel=4,
    )


def get_format(name: str) -> Format:
    """The format of that name. Raises ConfigError with the nearest names when there is none."""
    import difflib

    known = formats()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=3)
    raise ConfigError(
        f"no format is called {name!r}",
        expected=f"one of the {len(known)} that `cloudner convert --formats` lists"
        + (f", such as {', '.join(near)}" if near else ""),
        fix=f"--format {near[0]}" if near else "cloudner convert --formats",
    )


def format_for_output(path: str, to: str = "auto") -> Format:
    """The writable format for an output path, by `to` or by the extension. Raises ConfigError without one."""
    if to != "auto":
        fmt = get_format(to)
        if not can_write(fmt):
            raise ConfigError(
                f"the format {to!r} can be read but not written",
                expected="one of " + ", ".join(_writable()),
            )
        return fmt
    lower = path.lower()
    for extension, name in _WRITTEN.items():
        if lower.endswith(extension):
            return builtin(name)
    for fmt in plugins().values():
        if can_write(fmt) and lower.endswith(fmt.extensions):
            return fmt
    raise ConfigError(
        f"no writable format goes with the name {path!r}",
        expected="a name that ends in .spacy, .jsonl, .csv, .conll, ...",
        fix="--to NAME with one of " + ", ".join(_writable()),
    )


def can_write(fmt: Format) -> bool:
    """Can a conversion end in this format? `.spacy` is written from arrays, all others by their own writer."""
    return fmt.name == DOCBIN or fmt.write is not None or fmt.write_path is not None


def _writable() -> list[str]:
    return sorted(name for name, fmt in formats().items() if can_write(fmt))


def in_blocks(name: str) -> bool:
    """Is a record of that format the lines between two blank ones, a token each?"""
    return name in _IN_BLOCKS
