"""`python -m spacy cloudner drift`: do this week's texts look like those of before?"""

from pathlib import Path
from typing import Annotated, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run
from cloudner.cores import restart
from cloudner.errors import printable
from cloudner.own_code import import_code

DRIFTED = 3  # 1 is an error, 2 wrong usage


@app.command("drift")
def drift_cli(
    reference: Annotated[str, typer.Argument(help="Earlier texts: a file or folder, annotated or not")],
    new: Annotated[list[str], typer.Argument(help="New texts; several are compared one by one")],
    model: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--model", help="The pipeline; default: training/model-best of the project"),
    ] = None,
    train: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--train", "-t", help="Training data, for unseen entities; default: where the pipeline says"
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page")] = Path("metrics/drift.html"),
    json: Annotated[Optional[Path], typer.Option("--json", "-j", help="All figures as JSON")] = None,  # noqa: UP045
    text_column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--text-column",
            help="Column or key of the text in tables and JSON lines; default: text, or another usual name",
        ),
    ] = None,
    level: Annotated[
        float,
        typer.Option("--level", help="Significance level: what has an adjusted p value below it has drifted"),
    ] = 0.01,
    gate: Annotated[bool, typer.Option("--gate", help="Exit code 3 if anything has drifted")] = False,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    code: Code = None,
) -> None:
    """Compare new texts with those of before, as the pipeline sees them: rates of labels, confidence, unknown word pieces,
    length, entities that the training data does not have; each with a test of significance.

    The last line printed is the page's path.
    """
    restart()
    run(lambda: import_code(code))
    run(lambda: _drift(reference, new, model, train, output, json, text_column, level, gate, gpu_id))


def _drift(
    reference: str,
    new: list[str],
    model: str | None,
    train: str | None,
    output: Path,
    json: Path | None,
    text_column: str | None,
    level: float,
    gate: bool,
    gpu_id: str,
) -> None:
    from cloudner.atomic import write_json, write_text
    from cloudner.studies.watching import drift

    found = drift(
        reference, {each: each for each in new}, model=model, train=train, text_column=text_column, level=level,
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
    )  # fmt: skip
    output.parent.mkdir(parents=True, exist_ok=True)
    write_text(output, found.to_html())
    print("\n".join(map(printable, found.lines())))
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        write_json(json, found.to_dict())
        print(json)
    print(output)
    if gate and found.drifted:
        raise typer.Exit(DRIFTED)
