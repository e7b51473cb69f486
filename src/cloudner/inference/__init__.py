"""Texts in, tables of entities out."""
