"""The former place of the records, kept for packages that import them from here: see `cloudner.corpus.contract`."""

import warnings

from cloudner.corpus.contract import Record, SpanRecord

__all__ = ["Record", "SpanRecord"]

warnings.warn(
    "cloudner.corpus.records has moved: import Record and SpanRecord from cloudner.corpus.contract",
    DeprecationWarning,
    stacklevel=2,
)
