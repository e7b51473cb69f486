"""Which XML elements name an entity, and which only divide a text."""

from __future__ import annotations

from collections.abc import Mapping

# Elements that carry the label in an attribute (MUC, TEI, i2b2 2006, ...), and those attributes.
CARRIERS = frozenset(
    (
        "enamex",
        "numex",
        "namex",
        "timex",
        "timex2",
        "timex3",
        "ne",
        "ner",
        "entity",
        "ent",
        "phi",
        "annotation",
        "mark",
        "rs",
        "namedentity",
        "named_entity",
        "mention",
        "term",
        "tag",
        "span",
        "name",
        "em",
        "cons",
    )
)
_LABEL_ATTRIBUTES = ("type", "label", "class", "category", "ner", "entity", "kind", "sem", "categ")
# Elements that divide a text; documents are the outermost of `DOCUMENTS`, else `SENTENCES` without text between.
DOCUMENTS = frozenset(
    ("doc", "document", "article", "record", "story", "tweet", "message", "post", "note", "abstract")
)
# Elements that begin on a line of their own even where the file has no white space around them.
BLOCKS = DOCUMENTS | frozenset(
    (
        "p",
        "sentence",
        "para",
        "paragraph",
        "title",
        "head",
        "header",
        "hl",
        "div",
        "section",
        "body",
        "text",
        "li",
        "tr",
    )
)
# Elements whose content names the document around them and is not part of its text.
IDENTITIES = frozenset(("docid", "docno"))
# Elements whose content is about the text and not part of it.
HEADS = frozenset(("teiheader", "style", "script", "articleinfo"))
# Empty elements that stand where a line, a page or a column ends.
BREAKS = frozenset(("lb", "br", "pb", "cb"))
WORDS = frozenset(("w", "pc", "tok", "token"))
SENTENCES = frozenset(("s", "p", "sentence", "sent", "line", "para", "paragraph", "seg", "l", "tu"))
_STRUCTURE = (
    DOCUMENTS
    | SENTENCES
    | frozenset(
        (
            "text",
            "body",
            "title",
            "head",
            "header",
            "html",
            "div",
            "section",
            "corpus",
            "root",
            "data",
            "dataset",
            "docno",
            "docid",
            "hl",
            "slug",
            "date_time",
            "dateline",
            "txt",
            "trailer",
            "doctype",
            "w",
            "tok",
            "token",
            "b",
            "i",
            "u",
            "strong",
            "hi",
            "emph",
            "sub",
            "sup",
            "br",
            "hr",
            "a",
            "li",
            "ul",
            "ol",
            "table",
            "tr",
            "td",
            "tei",
            "teiheader",
            "ruby",
            "rb",
            "omitido",
        )
    )
)


def label_of(name: str, attrs: Mapping[str, str]) -> str | None:
    """The label that an element gives, None for one that only divides the text."""
    lower = name.rsplit(":", 1)[-1].lower()
    if lower in CARRIERS:
        lowered = {key.rsplit(":", 1)[-1].lower(): value for key, value in attrs.items()}
        for attribute in _LABEL_ATTRIBUTES:
            if lowered.get(attribute):
                return lowered[attribute]
        return None if lower in ("span", "em", "cons") else name
    if lower == "seg":  # of ssj500k and hr500k: <seg type="name" subtype="per">
        return (attrs.get("subtype") or "name") if attrs.get("type") == "name" else None
    # TEI's punctuation is no entity, a postal code <PC> may be one
    return None if lower in _STRUCTURE | HEADS or name == "pc" else name
