"""The former place of the contract, kept for packages that import it from here: see `cloudner.corpus.contract`."""

import warnings

from cloudner.corpus.contract import Format, Match, ReadOptions, Sample, Source

__all__ = ["Format", "Match", "ReadOptions", "Sample", "Source"]

warnings.warn(
    "cloudner.corpus.formats.base has moved: import its names from cloudner.corpus.contract",
    DeprecationWarning,
    stacklevel=2,
)
