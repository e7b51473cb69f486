"""Annotation formats: one module a format (or a close family), each exporting `Format` objects."""
