"""Values written as Python has them: printed dictionaries, lists of them, and `TRAIN_DATA = [("a text", {...})]`.

Read by the syntax tree; nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Source
from cloudner.corpus.formats.literals import NO_LITERAL, literal, syntax
from cloudner.errors import InputError

_LIST = re.compile(r"^(?:[A-Za-z_]\w*\s*(?::[^=\n]*)?=\s*)?\[\s*\{", re.MULTILINE)
_SHAPE = "{'text': ..., 'entities': [...]} on each line, or a list of them"
TUPLE = '["a text", {"entities": [[0, 1, "LABEL"]]}]'


def peek_python(text: str) -> tuple[str, list[Any]] | None:
    """`python-lines` or `python`, and the first objects of a text that may be cut; None for anything else."""
    lines = [line for line in text.splitlines()[:100] if line.strip()]
    if lines and lines[0].lstrip("\ufeff ").startswith("{"):
        found = []
        for line in lines:
            try:
                found.append(literal(line.strip("\ufeff \t")))
            except NO_LITERAL:
                break
        objects = [value for value in found if isinstance(value, dict)]
        return ("python-lines", objects) if objects else None
    begin = _LIST.search(text)
    if begin is None:
        return None
    for whole in _cuts(text.lstrip("\ufeff")):
        try:
            found = [value for _, value in _of_tree(syntax(whole))]
        except NO_LITERAL:
            continue
        return ("python", found[:100]) if found else None
    return None


def _cuts(text: str) -> Iterator[str]:
    """The text, then what is whole of it when it breaks off within a list."""
    yield text
    end = len(text)
    for _ in range(20):
        end = text.rfind("}", 0, end)
        if end < 0:
            return
        yield text[: end + 1] + "]"


def _of_tree(tree: ast.Module) -> Iterator[tuple[int, Any]]:
    for node in tree.body:
        value = getattr(node, "value", None)
        if isinstance(value, ast.List) and value.elts and all(isinstance(e, ast.Dict) for e in value.elts):
            for element in value.elts:
                yield element.lineno, ast.literal_eval(element)


def python_values(source: Source, kind: str) -> Iterator[tuple[int, Any]]:
    """Line and value of each object. Raises InputError for what is not written out."""
    if kind == "python-lines":
        for number, line in source.lines():
            if line.strip():
                try:
                    yield number, literal(line.strip("\ufeff \t\r\n"))
                except NO_LITERAL as error:
                    raise _broken(source, number, error) from error
        return
    try:
        found = list(_of_tree(syntax(source.text())))
    except NO_LITERAL as error:
        raise _broken(source, getattr(error, "lineno", None) or 1, error) from error
    yield from found


def _broken(source: Source, line: int, error: BaseException) -> InputError:
    problem = getattr(error, "msg", None) or "a value that is not written out"
    return InputError(f"neither JSON nor Python ({problem})", file=source.name, line=line, expected=_SHAPE)


class _Named(ast.NodeTransformer):
    """Puts constants in the place of their names: `LABEL = "ANIMAL"` above the data."""

    def __init__(self, names: dict[str, ast.Constant]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)


def python_pairs(source: Source) -> Iterator[tuple[int, Any]]:
    """Pairs in Python source, by its syntax tree: nothing is run."""
    text = source.text()
    try:
        tree = syntax(text)
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
            except NO_LITERAL as error:
                raise _broken(source, pair.lineno, error) from error
            found = True
            yield pair.lineno, item
    if not found:
        raise InputError("no list of examples in it", file=source.name, line=1, expected=TUPLE)
