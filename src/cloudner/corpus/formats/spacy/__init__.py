"""spaCy's own formats: DocBin, training tuples, JSON of version 2 and 3."""
