"""Conversion: sources in, a corpus file and a report of what was lost out."""
