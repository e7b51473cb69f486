"""Jupyter: what would stand in a pink box though nothing is wrong."""

from __future__ import annotations

import sys
import warnings


def quiet_bars() -> None:
    """Load tqdm's bars for notebooks, which transformers and huggingface_hub import, without the advice to install
    ipywidgets: the bars of a terminal do."""
    if "ipykernel" not in sys.modules:
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import tqdm.auto  # noqa: F401
