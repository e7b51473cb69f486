"""Formats with one token per line and its tag in a column."""
