"""Files of annotated text in, spaCy `Doc` objects out: formats, conversion, splitting, inspection, readers."""
