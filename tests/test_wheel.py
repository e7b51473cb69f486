"""What users install: the built wheel, away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.slow

SMOKE = """
import importlib.metadata as metadata
import sys
from pathlib import Path

target, encoder, folder = map(Path, sys.argv[1:])
import cloudner
assert Path(cloudner.__file__).is_relative_to(target), cloudner.__file__
points = [p for p in metadata.distribution("cloudner").entry_points if p.group.startswith(("spacy_", "thinc_"))]
assert Path(metadata.distribution("cloudner").locate_file("")) == target
assert len(points) > 5
for point in points:
    point.load()
    assert Path(sys.modules[point.module].__file__).is_relative_to(target)
for name in cloudner.__all__:
    getattr(cloudner, name)

import spacy
from spacy.training import Example
nlp = spacy.blank("en")
model = {"@architectures": "cloudner.TransformerNER.v1", "encoder": str(encoder), "device": "cpu"}
nlp.add_pipe("cloudner", config={"model": model})
eg = Example.from_dict(nlp.make_doc("Ada Lovelace wrote letters"), {"entities": [(0, 12, "PER")]})
optimizer = nlp.initialize(lambda: [eg])
for _ in range(3):
    nlp.update([eg], sgd=optimizer)
nlp.to_disk(folder)
before, after = nlp(eg.text), cloudner.load(folder)(eg.text)
assert [e.label_ for e in before.ents] == [e.label_ for e in after.ents]
print("it works")
"""


PAGES = """
import sys
from pathlib import Path

target, folder = map(Path, sys.argv[1:])
import spacy
from spacy.tokens import DocBin
import cloudner
assert Path(cloudner.__file__).is_relative_to(target), cloudner.__file__

nlp = spacy.blank("en")
nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Oslo"}])
DocBin(docs=[nlp("Oslo is near Bergen"), nlp("nothing")]).to_disk(folder / "train.spacy")
evaluation = cloudner.evaluate(nlp, folder / "train.spacy", rounds=10)
assert "<h2>Mistakes</h2>" in evaluation.to_html()
assert evaluation.to_markdown().startswith("# Evaluation of")
inspection = cloudner.inspect_corpus(folder / "train.spacy")
assert "<h2>Size</h2>" in inspection.to_html()
assert inspection.to_markdown().startswith("# Corpus")
from cloudner.report.card import model_card
assert model_card(nlp.meta).startswith("---")
print("both pages")
"""


TRAIN = """
import sys
from pathlib import Path

target, encoder = map(Path, sys.argv[1:])
import cloudner
assert Path(cloudner.__file__).is_relative_to(target), cloudner.__file__
pairs = [(f"In {1800 + i} Ada slept.", [(8, 11, "PER")]) for i in range(20)]
steps = {"training.max_epochs": 1, "training.batcher.batch_size": 4}
result = cloudner.train(pairs, config="cpu", encoder=str(encoder), device="cpu", overrides=steps, show=False)
assert result.path == Path("training/model-best")
assert result.nlp.get_pipe("cloudner").labels == ("PER",)
print(result)
"""


def call(arguments: list[object], **kwargs) -> str:
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Path:
    """A folder with the wheel installed, and nothing else."""
    work = tmp_path_factory.mktemp("wheel")
    checkout = work / "checkout"  # what an earlier build left in the tree stays out
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", checkout / "src", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    call([*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", work, checkout])
    (wheel,) = work.glob("cloudner-*.whl")
    folder = work / "target"
    call([*pip, "install", "-q", "--no-deps", "--no-index", "--target", folder, wheel])
    return folder


@pytest.fixture(scope="module")
def environment(target) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(target)}


def test_every_file_is_in_it(target):
    def names(root: Path) -> set[str]:
        files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(root).as_posix() for path in files}

    assert names(target / "cloudner") == names(ROOT / "src" / "cloudner")


def test_it_trains_saves_and_loads(target, environment, bert, tmp_path):
    arguments = [sys.executable, "-c", SMOKE, target, bert, tmp_path / "pipeline"]
    assert "it works" in call(arguments, cwd=tmp_path, env=environment)


def test_a_config_by_name_trains_in_an_empty_folder(target, environment, bert, tmp_path):
    said = call([sys.executable, "-c", TRAIN, target, bert], cwd=tmp_path, env=environment)
    assert "<TrainingResult training/model-best" in said
    assert {path.name for path in tmp_path.iterdir()} == {"training"}


def test_it_renders_its_pages(target, environment, tmp_path):
    assert "both pages" in call(
        [sys.executable, "-c", PAGES, target, tmp_path], cwd=tmp_path, env=environment
    )


def test_its_commands_are_spacys(environment, tmp_path):
    output = call([sys.executable, "-m", "spacy", "cloudner", "--help"], cwd=tmp_path, env=environment)
    for name in ("convert", "doctor", "plan", "train"):
        assert name in output


def test_the_project_puts_cloudners_wheel_beside_a_pipelines(tmp_path):
    """The command of project.yml in a checkout, without a network: a colleague has both wheels in one folder."""
    import srsly

    project = srsly.read_yaml(ROOT / "project.yml")
    (package,) = (command for command in project["commands"] if command["name"] == "package")
    (script,) = (line for line in package["script"] if " pip wheel " in line)
    for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(source, tmp_path)
    words = script.split()
    assert words[:2] == ["python", "-m"]
    offline = {"PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    call([sys.executable, *words[1:]], cwd=tmp_path, env={**os.environ, **offline})
    assert len(list((tmp_path / "packages").glob("cloudner-*.whl"))) == 1
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--find-links",
        "packages",
    ]
    call([*pip, "--target", "target", "cloudner"], cwd=tmp_path, env={**os.environ, **offline})
    assert (tmp_path / "target" / "cloudner" / "factory.py").is_file()


def test_the_readmes_environment_builds_wheels():
    """`spacy package --build wheel` calls `build`: the extras that README installs bring it."""
    import re
    from importlib.metadata import metadata

    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in metadata("cloudner").get_all("Requires-Dist")]
    lines = re.findall(r'pip install -e "\.\[([\w,]+)\]"', (ROOT / "README.md").read_text(encoding="utf8"))
    lines += re.findall(r'-e "\.\[([\w,]*shared)\]"', (ROOT / "Makefile").read_text(encoding="utf8"))
    assert len(lines) >= 3
    for extras in lines:
        brought = {
            r.name
            for r in needed
            for extra in extras.split(",")
            if r.marker and r.marker.evaluate({"extra": extra})
        }
        assert "build" in brought, extras
