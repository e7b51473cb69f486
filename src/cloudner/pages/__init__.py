"""The kit of every page: one set of Jinja templates that escape what they are given, one chart module, numbers as text.

The ground that `inspect` and `evaluate` stand on. What a page shows is decided by those who fill a template.
"""
