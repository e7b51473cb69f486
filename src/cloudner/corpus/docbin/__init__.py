"""Aligned documents as arrays, and the `.spacy` files that hold them."""
