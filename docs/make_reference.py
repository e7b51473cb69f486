"""Writes docs/configuration.md from the code (registered functions, the component, commands and public functions), and
docs/formats.md from the formats.

python docs/make_reference.py            # write
python docs/make_reference.py --check    # exit 1 if a file is not what the code says
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "configuration.md"
FORMATS = ROOT / "docs" / "formats.md"

# Registry group -> heading and the line of a config that names a function of it.
GROUPS = {
    "spacy_architectures": ("Model architectures", "@architectures"),
    "spacy_readers": ("Corpus readers", "@readers"),
    "spacy_tokenizers": ("Tokenizers", "@tokenizers"),
    "spacy_batchers": ("Batchers", "@batchers"),
    "spacy_augmenters": ("Augmenters", "@augmenters"),
    "thinc_optimizers": ("Optimizers", "@optimizers"),
    "thinc_schedules": ("Schedules", "@schedules"),
    "spacy_loggers": ("Loggers", "@loggers"),
    "spacy_callbacks": ("Callbacks", "@callbacks"),
    "spacy_scorers": ("Scorers", "@scorers"),
    "spacy_misc": ("Other functions", "@misc"),
}
HEAD = """# Configuration reference

Generated from the code by `python docs/make_reference.py`: edit the docstrings, not this file.

A setting is a line of a config in `configs/`, or an override on the command line by its dotted name:
`--components.cloudner.model.window 384`. What a setting is good for: [recipes.md](recipes.md).
"""


FORMATS_HEAD = """# Formats

Generated from the formats by `python docs/make_reference.py`: edit their examples, not this file.

`cloudner convert`, `cloudner.train` and the reader `cloudner.Corpus.v1` recognise these formats by their content; `--format NAME`
says which one it is. Every example here, but for those of `peoples-daily` and `bc2gm`, says the same: that "Marie Curie was born in Warsaw." has
a `PER` and a `LOC`. Tests read each (`tests/corpus/formats/test_layouts.py`). Many formats have more faces than the one shown:
other names of columns and keys, other tag schemes, several versions of a tool's export.

```bash
cloudner convert --layout brat    # one of them
cloudner convert --formats        # all names, with those of formats that other packages add
```
"""


def main() -> int:
    code = 0
    for target, text in ((TARGET, reference()), (FORMATS, formats())):
        if "--check" not in sys.argv[1:]:
            target.write_text(text, encoding="utf-8")
            print(target)
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            print(f"{target} is out of date: python docs/make_reference.py")
            code = 1
        else:
            print(f"{target} is up to date")
    return code


def reference() -> str:
    """The whole file."""
    from cloudner.factory import make_cloudner
    from cloudner.span_factory import make_cloudner_spans

    points = entry_points()
    parts = [HEAD, "## The component", *component("cloudner", make_cloudner)]
    parts += ["## The component for nested entities", *component("cloudner_spans", make_cloudner_spans)]
    for group, (heading, key) in GROUPS.items():
        if points.get(group):
            parts.append(f"## {heading}")
            for name, place in sorted(points[group].items()):
                parts += [f'### `{key} = "{name}"`', *described(resolve(place), skip_first_name=name)]
    parts += [
        "## Commands",
        "As `cloudner NAME`, `python -m cloudner NAME` and `python -m spacy cloudner NAME`.",
        *commands(),
    ]
    parts += ["## Python", *python()]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def formats() -> str:
    """The page of the formats: of each that comes with cloudner, a small file."""
    from cloudner.corpus.convert.layouts import layout_of
    from cloudner.corpus.formats.registry import builtin, builtins, can_write

    parts = [FORMATS_HEAD]
    for name in builtins():
        fmt = builtin(name)
        parts.append(f"## {name}")
        way = "Read and written" if can_write(fmt) else "Read"
        endings = ", ".join(f"`{ending}`" for ending in fmt.extensions)
        parts.append(f"{_first_upper(_quoted(fmt.description))}. {way}; usually {endings}.")
        files = layout_of(name)
        for file in files:
            if file.binary:
                parts.append("The file is binary; in it are, a document a line:")
            elif len(files) > 1:
                parts.append(f"`{file.name}`:")
            shown = file.shown.replace("\r\n", "\n").rstrip("\n")
            parts.append(f"```text\n{shown}\n```")
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _quoted(text: str) -> str:
    """What is no HTML, no emphasis and no link of the page."""
    for char in "<*[]":
        text = text.replace(char, f"&#{ord(char)};")
    return text


def _first_upper(text: str) -> str:
    """But for names that have their own way, such as spaCy and i2b2."""
    first = text.split(" ")[0]
    return text if re.search(r"[A-Z0-9]", first[1:]) else text[:1].upper() + text[1:]


def entry_points() -> dict[str, dict[str, str]]:
    """group -> name -> module:attribute, from pyproject.toml, which is what the next installation will have."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, str]] = data["project"]["entry-points"]
    return found


def resolve(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    function: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return function


def component(name: str, make: Callable[..., Any]) -> Iterator[str]:
    from spacy.language import Language

    meta = Language.get_factory_meta(f"en.{name}") if Language.has_factory(f"en.{name}") else None
    meta = meta or Language.get_factory_meta(name)
    yield f'`factory = "{name}"`'
    defaults = dict(meta.default_config)
    rows = [
        (setting, annotation(parameter.annotation), default(defaults.get(setting)))
        for setting, parameter in inspect.signature(make).parameters.items()
        if setting not in ("nlp", "name")
    ]
    yield table(rows)
    yield prose(make, {row[0] for row in rows})


def described(function: Callable[..., Any], skip_first_name: str = "") -> Iterator[str]:
    """Its arguments as a table, and its docstring."""
    rows = []
    for name, parameter in inspect.signature(function, eval_str=_evaluates(function)).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        missing = parameter.default is inspect.Parameter.empty
        rows.append((name, annotation(parameter.annotation), "" if missing else default(parameter.default)))
    if rows:
        yield table(rows)
    text = prose(function, {row[0] for row in rows})
    if skip_first_name:  # it is the heading
        text = re.sub(rf"^`{re.escape(skip_first_name)}`[:;] ?", "", text)
    yield text[:1].upper() + text[1:]


def _evaluates(function: Callable[..., Any]) -> bool:
    """Can its annotations be looked up? Not where they name what is imported for type checkers only."""
    try:
        inspect.signature(function, eval_str=True)
    except NameError:
        return False
    return True


def commands() -> Iterator[str]:
    import typer

    from cloudner.cli import COMMANDS, app

    group = typer.main.get_command(app)
    for name in COMMANDS:
        command = group.commands[name]  # type: ignore[attr-defined]
        yield f"### `cloudner {name}`"
        yield inspect.cleandoc(command.help or "")
        rows = []
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = [*parameter.opts, *parameter.secondary_opts]
            argument = parameter.param_type_name == "argument"
            shown = (parameter.metavar or str(parameter.name).upper()) if argument else ", ".join(names)
            rows.append((shown, default(parameter.default, empty=""), getattr(parameter, "help", "") or ""))
        yield table(rows, ("option", "default", "what it does"))


def python() -> Iterator[str]:
    import cloudner

    for name in sorted(cloudner.__all__):
        thing = getattr(cloudner, name)
        if inspect.isclass(thing):
            yield f"### `cloudner.{name}`"
            yield prose(thing, set())
            methods = [
                (f"`{key}{signature(value)}`", (inspect.getdoc(value) or "").split("\n")[0])
                for key, value in vars(thing).items()
                if inspect.isfunction(value) and not key.startswith("_") and inspect.getdoc(value)
            ]
            if methods:
                yield "\n".join(f"- {shown}: {text}" for shown, text in methods)
        else:
            yield f"### `cloudner.{name}`"
            yield from described(thing)


def signature(function: Callable[..., Any]) -> str:
    parameters = [
        name if p.default is inspect.Parameter.empty else f"{name}={p.default!r}"
        for name, p in inspect.signature(function).parameters.items()
        if name != "self"
    ]
    return f"({', '.join(parameters)})"


def prose(function: Any, names: set[str]) -> str:
    """The docstring; a paragraph of `argument: meaning` lines becomes a list."""
    lines = (inspect.getdoc(function) or "").split("\n")
    out: list[str] = []
    # Several arguments may follow one another on a line: "a: x. b: y."
    some = "|".join(sorted(map(re.escape, names), key=len, reverse=True)) or "(?!)"
    mark = re.compile(rf"(?:^|(?<=[.)] ))((?:{some})(?:, (?:{some}))*): ")
    fenced = False
    for line in lines:
        if line.startswith("    ") and not fenced and (not out or out[-1] == ""):
            out.append(line)  # an example: left as it is
            continue
        bare = line.strip()
        parts = mark.split(bare)
        if len(parts) == 1:
            out.append(("  " if out and _in_list(out) and bare else "") + bare)
            continue
        if parts[0].strip():
            out.append(("  " if out and _in_list(out) else "") + parts[0].strip())
        for key, meaning in zip(parts[1::2], parts[2::2], strict=True):
            if out and out[-1] != "" and not _in_list(out):
                out.append("")
            shown = ", ".join(f"`{part}`" for part in key.split(", "))
            out.append(f"- {shown}: {meaning.strip()}")
    return "\n".join(out).strip()


def _in_list(out: list[str]) -> bool:
    for line in reversed(out):
        if not line:
            return False
        if line.startswith("- "):
            return True
    return False


def table(
    rows: list[tuple[str, str, str]], head: tuple[str, str, str] = ("setting", "type", "default")
) -> str:
    lines = ["| " + " | ".join(head) + " |", "| --- | --- | --- |"]
    for row in rows:
        first = f"`{row[0]}`"
        cells = [first, *(cell.replace("|", "\\|").replace("\n", " ") for cell in row[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def default(value: Any, empty: str = "`null`") -> str:
    """As a config writes it."""
    if value is None or repr(value).startswith("Sentinel.") or type(value).__name__ == "Sentinel":
        return empty
    if isinstance(value, dict):
        return ", ".join(f"`{key} = {_config(item)}`" for key, item in value.items())
    if callable(value):
        return empty
    return f"`{_config(value)}`"


def _config(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, Path)):
        return f'"{value}"'
    return str(value)


def annotation(kind: Any) -> str:
    """A type in words, the same in all Python versions."""
    if kind is inspect.Parameter.empty or kind is Any:
        return "any"
    if isinstance(kind, str):
        return kind.replace("Optional", "optional").replace("typing.", "")
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(annotation(part) for part in typing.get_args(kind))
    if origin is typing.Literal:
        return " or ".join(f'"{value}"' for value in typing.get_args(kind))
    if kind is type(None):
        return "null"
    if origin is not None:
        name = getattr(origin, "__name__", str(origin)).lower()
        if name == "callable":
            return "function"
        inner = ", ".join(annotation(part) for part in typing.get_args(kind) if part is not Ellipsis)
        return f"{name} of {inner}" if inner else name
    names = {
        "str": "text",
        "bool": "true or false",
        "int": "whole number",
        "float": "number",
        "Callable": "function",
    }
    name = getattr(kind, "__name__", str(kind))
    return names.get(name, name)


if __name__ == "__main__":
    sys.exit(main())
