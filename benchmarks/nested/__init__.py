"""Nested entities: `cloudner_spans`, spaCy's `spancat` and the flat tagger on the corpus of `assets/nested`."""
