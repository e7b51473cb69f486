"""Corpora: files to records, records to aligned arrays, arrays to `.spacy` files and training examples."""
