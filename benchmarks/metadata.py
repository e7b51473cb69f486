"""What an installation would tell spaCy, without one: name, version, requirements and entry points as a dist-info folder.

    python benchmarks/metadata.py FOLDER && PYTHONPATH=FOLDER:src python -m spacy cloudner doctor

For a machine without a network or a fitting setuptools. Everything is read from pyproject.toml.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def write(folder: Path) -> Path:
    """The dist-info folder in `folder`."""
    project = _project()
    made = folder / f"{project['name']}-{project['version']}.dist-info"
    made.mkdir(parents=True, exist_ok=True)
    (made / "METADATA").write_text(metadata(project), encoding="utf-8")
    (made / "entry_points.txt").write_text(entry_points(project), encoding="utf-8")
    (made / "INSTALLER").write_text("benchmarks/metadata.py\n", encoding="utf-8")
    return made


def _project() -> dict[str, Any]:
    try:
        import tomllib
    except ModuleNotFoundError:  # Python 3.10
        import tomli as tomllib
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def metadata(project: dict[str, Any]) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {needed}" for needed in project["dependencies"]),
    ]
    for extra, needs in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_only_with(need, extra)}" for need in needs]
    return "\n".join(lines) + "\n"


def _only_with(need: str, extra: str) -> str:
    name, mark, condition = need.partition(";")
    return (
        f'{name.strip()}; ({condition.strip()}) and extra == "{extra}"'
        if mark
        else f'{name}; extra == "{extra}"'
    )


def entry_points(project: dict[str, Any]) -> str:
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    blocks = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in names.items())])
        for group, names in groups.items()
    ]
    return "\n\n".join(blocks) + "\n"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__)
        return 0 if arguments in (["-h"], ["--help"]) else 2
    print(write(Path(arguments[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
