"""Annotation formats, a folder per family and a module per format; `registry` lists them."""
