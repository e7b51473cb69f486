"""Values written as Python prints them."""

from __future__ import annotations

import ast
import warnings
from typing import Any

# What `ast.literal_eval` raises for a text that is no literal. Its documentation names all five: TypeError is for a
# list as a key of a dictionary, MemoryError and RecursionError for a text that is nested too deeply.
NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)


def literal(text: str) -> Any:
    """The value of a literal; nothing is run. Raises one of NO_LITERAL."""
    return ast.literal_eval(syntax(text, "eval"))


def syntax(text: str, mode: str = "exec") -> Any:
    """The syntax tree of Python source. Raises one of NO_LITERAL.

    Python warns of what it may not take in a later version, such as the \\d of a text: of a file `<unknown>` that is the
    user's data, and with the line itself where it is told to.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text.lstrip(" \t") if mode == "eval" else text, mode=mode)
