"""Examples in Python source, such as `TRAIN_DATA = [("a text", {"entities": [...]})]`, without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from cloudner.errors import InputError

TUPLE = '["a text", {"entities": [[0, 1, "LABEL"]]}]'


class _Named(ast.NodeTransformer):
    """Puts constants in the place of their names: `LABEL = "ANIMAL"` above the data."""

    def __init__(self, names: dict[str, ast.Constant]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def python_pairs(source: Any) -> Iterator[tuple[int, Any]]:
    """Pairs in Python source, by its syntax tree: nothing is run."""
    text = source.text()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise InputError(
            f"neither JSON nor Python ({getattr(error, 'msg', error)})",
            file=source.name,
            line=line,
            expected=TUPLE,
        ) from error
    found = False
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in tree.body:
        value = getattr(node, "value", None)
        pairs = value.elts if isinstance(value, (ast.List, ast.Tuple)) else []
        if isinstance(value, ast.Tuple) and pairs and not isinstance(pairs[0], (ast.Tuple, ast.List)):
            pairs = [value]
        for pair in pairs:
            try:
                item = ast.literal_eval(_Named(names).visit(pair))
            except ValueError as error:
                raise InputError(
                    "an element that is not written out (a name or a call)",
                    file=source.name,
                    line=pair.lineno,
                    expected=TUPLE.replace("[", "(", 1),
                    fix="write the data out as JSON",
                ) from error
            found = True
            yield pair.lineno, item
    if not found:
        raise InputError("no list of examples in it", file=source.name, line=1, expected=TUPLE)
