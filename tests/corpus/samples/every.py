"""The samples of all families: case -> name of the format, file name, content."""

from corpus.samples import columns, huggingface, json, spacy, tables, text, xml

_FAMILIES = (columns, tables, json, huggingface, xml, text, spacy)
# In them is what is in SPANS of `words`, and what is in ADA_ENTITIES.
CASES = {case: sample for family in _FAMILIES for case, sample in family.CASES.items()}
SHAPES = {case: sample for family in _FAMILIES for case, sample in getattr(family, "SHAPES", {}).items()}
