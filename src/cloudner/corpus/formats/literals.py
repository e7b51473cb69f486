"""Values written as Python prints them, and numpy, whose arrays pandas writes into tables."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from typing import Any

_SIDE_BY_SIDE = re.compile(r"""['\"]\s+['\"]""")
# What `ast.literal_eval` raises for a text that is no literal. Its documentation names all five: TypeError is for a
# list as a key of a dictionary, MemoryError and RecursionError for a text that is nested too deeply.
NO_LITERAL = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
# How a list begins as JSON, Python or numpy write it.
LIST_BEGINS = ("[", "array([")


def literal(text: str) -> Any:
    """The value of a literal; nothing is run. Raises one of NO_LITERAL."""
    return ast.literal_eval(syntax(text, "eval"))


def printed(text: str) -> Any:
    """The value of a literal, of numpy's arrays too, which are lists: `['Ann' 'ran']`, `array([1, 2])`.

    Texts side by side are two, where Python's own source would join them. Raises one of NO_LITERAL.
    """
    if not _SIDE_BY_SIDE.search(text):
        try:
            return literal(text)
        except (ValueError, SyntaxError):
            if "[" not in text:
                raise
    return ast.literal_eval(_Lists().visit(syntax(_with_commas(text), "eval")))


def _with_commas(text: str) -> str:
    """The text with commas between values that only white space parts."""
    try:
        found = list(tokenize.generate_tokens(io.StringIO(text.strip()).readline))
    except (tokenize.TokenError, IndentationError) as error:
        raise SyntaxError(str(error)) from None
    tokens = [t for t in found if t.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER)]
    parts: list[str] = []
    before: tokenize.TokenInfo | None = None
    for token in tokens:
        ended = before is not None and (_is_value(before) or before.string in ("]", "}", ")"))
        apart = before is not None and before.end != token.start
        if ended and (_is_value(token) or token.string in ("[", "{") or (apart and token.string == "-")):
            parts.append(",")
        parts.append(token.string)
        before = token
    return " ".join(parts)


def _is_value(token: tokenize.TokenInfo) -> bool:
    return token.type in (tokenize.STRING, tokenize.NUMBER, tokenize.NAME) or token.string == "..."


class _Lists(ast.NodeTransformer):
    """`array([1, 2], dtype=int64)` is its list and `nan` is None."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        array = isinstance(node.func, ast.Name) and node.func.id == "array" and len(node.args) == 1
        return node.args[0] if array else node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Constant(None) if node.id == "nan" else node


def syntax(text: str, mode: str = "exec") -> Any:
    """The syntax tree of Python source. Raises one of NO_LITERAL.

    Python warns of what it may not take in a later version, such as the \\d of a text: of a file `<unknown>` that is the
    user's data, and with the line itself where it is told to.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text.lstrip(" \t") if mode == "eval" else text, mode=mode)
