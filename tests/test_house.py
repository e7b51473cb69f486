"""The house stands: names resolve, imports go one way and stay light, the hot path loops over no tokens."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import spacy

import cloudner
import tiny

SOURCE = Path(cloudner.__file__).parent
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
# From the ground up: a room may use those before it.
ROOMS = ["errors", "atomic", "json_files", "cores", "notebook", "locks", "orphans", "own_code", "encoders", "pages", "corpus", "hardware", "pieces", "model", "component_state", "component", "span_component", "factory", "span_factory", "loading", "inference", "report", "calibration", "overrides", "training", "folds", "bulk", "serving", "studies", "reviewing", "cli", "__main__"]  # fmt: skip
# Groups whose entries are found in a registry of the same name.
OURS = list(distribution("cloudner").entry_points)


def modules(root: Path = SOURCE) -> list[Path]:
    return sorted(root.rglob("*.py"))


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def module_name(path: Path, root: Path = SOURCE) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, root: Path = SOURCE) -> set[str]:
    """All modules of the package `root` that this one of its modules imports, at whatever depth of its code."""
    package = module_name(path, root).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == root.name}


def test_imports_go_one_way():
    wrong = []
    for path in modules():
        own = room_of(module_name(path))
        if own == "cloudner":  # the public names, each loaded when it is touched
            continue
        assert own in ROOMS, f"{path} is in no room"
        for name in imports(path):
            other = room_of(name)
            if other in ROOMS and ROOMS.index(other) > ROOMS.index(own):
                wrong.append(f"{module_name(path)} imports {name}")
    assert not wrong, "\n".join(sorted(wrong))


def circles(root: Path = SOURCE) -> list[set[str]]:
    """Files that import each other, in whatever number of steps, imports for type checkers included."""
    every = {module_name(path, root): path for path in modules(root)}
    reach: dict[str, set[str]] = {}
    for name, path in every.items():
        found = {each for each in imports(path, root) if each in every}
        # `from package import module` is an import of the module
        reach[name] = {
            each for each in found if not any(other.rpartition(".")[0] == each for other in found)
        } - {name}
    grown = True
    while grown:  # the transitive closure
        grown = False
        for name, others in reach.items():
            more = others.union(*(reach[other] for other in others))
            grown = grown or len(more) > len(others)
            reach[name] = more
    both_ways = ({other for other in others if name in reach[other]} for name, others in reach.items())
    return [set(each) for each in {frozenset(circle) for circle in both_ways if circle}]


def test_no_files_import_each_other():
    assert [sorted(circle) for circle in circles()] == []
    assert [sorted(circle) for circle in circles(BENCHMARKS)] == []


# Rooms whose modules are short, and functions in them that are still to be cut.
SHORT = [room for room in ROOMS if (SOURCE / room).is_dir()]
LONG_FUNCTIONS = {"conll.blocks"}  # and those of commands, which are lists of options


@pytest.mark.parametrize("room", [*SHORT, BENCHMARKS])
def test_modules_and_functions_are_short(room):
    for path in sorted((SOURCE / room).rglob("*.py")):
        text = path.read_text(encoding="utf8")
        assert text.count("\n") < 300, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and f"{path.stem}.{node.name}" not in LONG_FUNCTIONS:
                if node.name.endswith("_cli"):
                    continue
                said = ast.get_docstring(node, clean=False)
                lines = (node.end_lineno or 0) - node.lineno + 1 - (said.count("\n") + 1 if said else 0)
                assert lines < 80, f"{path}: {node.name}"


def test_every_room_is_there():
    there = {p.stem if p.is_file() else p.name for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}  # fmt: skip
    assert there - {"__init__"} == set(ROOMS)


def test_public_names():
    assert list(cloudner.__all__) == sorted(cloudner.__all__)
    assert {"load", "convert", "detect_hardware", "diagnose", "recommend", "plan", "evaluate", "CloudnerError"} <= set(cloudner.__all__)  # fmt: skip
    for name in cloudner.__all__:
        assert getattr(cloudner, name) is not None
        assert getattr(cloudner, name).__doc__, f"cloudner.{name} has no docstring"
    assert set(cloudner.__all__) <= set(dir(cloudner))
    with pytest.raises(AttributeError, match="no_such_name"):
        cloudner.no_such_name  # noqa: B018


@pytest.mark.parametrize("entry", OURS, ids=lambda e: f"{e.group}:{e.name}")
def test_registered_names_resolve_by_their_strings(entry):
    from spacy.language import Language
    from spacy.util import registry

    if entry.group == "console_scripts":
        assert callable(entry.load())
    elif entry.group == "spacy_factories":
        assert spacy.blank("en").has_factory(entry.name)
        assert entry.load() is not None
        assert Language.get_factory_meta(entry.name).factory == entry.name
    elif entry.group == "spacy_cli":
        from spacy.cli._util import app

        entry.load()
        assert "cloudner" in {group.name for group in app.registered_groups} | {
            group.typer_instance.info.name for group in app.registered_groups
        }
    else:
        assert entry.name.split(".")[0] == "cloudner"
        assert entry.name.split(".")[-1].startswith("v"), "names are versioned"
        found = registry.get(entry.group.split("_", 1)[1], entry.name)
        assert found is entry.load()
        assert found.__doc__


def test_the_installed_names_are_those_of_the_project_file():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text())["project"]
    declared = {(g, n, v) for g, names in project["entry-points"].items() for n, v in names.items()}
    declared |= {("console_scripts", n, v) for n, v in project["scripts"].items()}
    installed = {(e.group, e.name, e.value) for e in OURS}
    assert installed == declared, "install again: pip install -e ."


LIGHT = """
import sys
import spacy, spacy.cli
import spacy.pipeline
before = set(sys.modules)
import importlib, pkgutil
import cloudner, cloudner.component, cloudner.loading, cloudner.hardware, cloudner.corpus, cloudner.cli
for info in pkgutil.walk_packages(cloudner.cli.__path__, "cloudner.cli."):
    importlib.import_module(info.name)
new = set(sys.modules) - before
heavy = {n for n in new if n.split(".")[0] in {"transformers", "tokenizers", "safetensors", "pyarrow", "pandas",
         "spacy_transformers", "datasets", "cupy"}}
heavy |= {n for n in new if n.startswith("cloudner.model.")}
print(sorted(heavy))
"""


def test_importing_us_loads_no_model_library():
    """In a fresh interpreter, beyond what `import spacy` and its command line load themselves: torch is among that."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("entry", [e for e in OURS if e.group.startswith(("spacy_", "thinc_")) and e.group != "spacy_cli"], ids=lambda e: e.name)  # fmt: skip
def test_no_future_annotations_beside_registered_functions(entry):
    """`from __future__ import annotations` turns annotations to text: spaCy's check of a config is off, and confection
    0.1.5 (thinc up to 8.3.11) cannot fill the config at all."""
    module = importlib.import_module(entry.value.split(":")[0])
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf8"))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    arguments = {k: v for k, v in entry.load().__annotations__.items() if k != "return"}
    assert not [name for name, kind in arguments.items() if isinstance(kind, str)]


def test_nothing_opens_pickles_or_evaluates_text():
    banned = {
        ("torch", "load"),
        ("pickle", "load"),
        ("pickle", "loads"),
        ("yaml", "load"),
        ("joblib", "load"),
    }
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
            if isinstance(node, ast.Call):
                f = node.func
                if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name):
                    assert (f.value.id, f.attr) not in banned, f"{path}:{node.lineno}"
                if isinstance(f, ast.Name):
                    assert f.id not in {"eval", "exec"}, f"{path}:{node.lineno}"
                for keyword in node.keywords:
                    if keyword.arg == "trust_remote_code":
                        assert isinstance(keyword.value, ast.Constant)
                        assert keyword.value.value is False, f"{path}:{node.lineno}"


# -- the hot path -------------------------------------------------------------------------------------------------


def lines_run(function) -> int:
    """How many lines of the component, its pieces and its runner Python steps through in a call."""
    files = {str(SOURCE / name) for name in ("component.py", "pieces/gold.py", "pieces/tokenizer.py", "pieces/words.py", "pieces/windows.py",
             "pieces/scheme.py", "pieces/cache.py", "model/runners/own_encoder.py", "model/network/tag_network.py", "model/training/loss.py", "model/shim.py")}  # fmt: skip
    count = 0

    def local(frame, event, arg):
        nonlocal count
        count += event == "line"
        return local

    sys.settrace(lambda frame, event, arg: local if frame.f_code.co_filename in files else None)
    try:
        function()
    finally:
        sys.settrace(None)
    return count


def test_work_in_python_does_not_grow_with_the_tokens(bert):
    """The same steps for a document of 8 tokens as for one of 80: what is done a token is done by arrays."""
    nlp = tiny.make_nlp(bert)
    pipe = nlp.get_pipe("cloudner")
    data = [("in Paris " * n + "now", [(3, 8, "LOC")]) for n in (4, 40)]
    short, long = tiny.make_examples(nlp, data)
    for eg in (short, long):  # word forms met before
        pipe.update([eg], sgd=tiny.adamw(1e-4))
    assert len(long.predicted) >= 9 * len(short.predicted)

    def predict(eg):
        docs = [eg.predicted.copy()]
        return lambda: pipe.set_annotations(docs, pipe.predict(docs))

    # No entity is written in either: each costs a step. Whether any was found decides some early returns, hence the
    # margin; one line a token would be 72 lines more.
    pipe.cfg["threshold"] = 1.0
    assert abs(lines_run(predict(long)) - lines_run(predict(short))) < 60
    assert abs(lines_run(lambda: pipe.update([long])) - lines_run(lambda: pipe.update([short]))) < 60
