"""`python -m spacy cloudner evaluate`: scores, mistakes and a report of a pipeline."""

from pathlib import Path
from typing import Annotated

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run
from cloudner.cores import restart
from cloudner.own_code import import_code

NOT_PASSED = 3  # 1 is an error, 2 wrong usage


@app.command("evaluate")
def evaluate_cli(
    model: Annotated[str, typer.Argument(help="Name or path of the pipeline, or a file of predictions")],
    data: Annotated[
        list[str], typer.Argument(help="Gold data: files of any annotation format, folders or URLs")
    ],
    train: Annotated[
        list[str] | None,
        typer.Option("--train", "-t", help="Training data, to tell seen from unseen entities"),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option(
            "--compare", "-c", help="A second pipeline or file of predictions, for a significance test"
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML report")] = Path(
        "metrics/report.html"
    ),
    json: Annotated[
        Path | None, typer.Option("--json", "-j", help="All figures and mistakes as JSON")
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", "-m", help="The tables as Markdown")] = None,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    group: Annotated[
        str | None,
        typer.Option("--group", help="Key of the documents' meta to score parts by, such as genre"),
    ] = None,
    gold_preproc: Annotated[
        bool, typer.Option("--gold-preproc", "-G", help="Predict on the gold tokens")
    ] = False,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="Bootstrap rounds for the intervals")] = 1000,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Documents per batch of nlp.pipe")
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="With --compare OLD: exit code 3 if MODEL should not replace OLD"),
    ] = False,
    max_slowdown: Annotated[
        float,
        typer.Option("--max-slowdown", min=0.0, help="With --gate: how many times OLD's time MODEL may take"),
    ] = 1.5,
    spans_key: Annotated[
        str | None, typer.Option("--spans-key", help="Score this group of doc.spans in place of doc.ents")
    ] = None,
    code: Code = None,
) -> None:
    """Score a pipeline: strict scores with intervals, mistakes by class, an HTML report.

    The last line printed is the report's path. With --gate the exit code is 3 where the pipeline is significantly worse
    than the other, has lost a label, or is slower.
    """
    restart()
    run(lambda: import_code(code))
    run(
        lambda: _evaluate(
            model,
            data,
            train,
            compare,
            output,
            json,
            markdown,
            gpu_id,
            group,
            gold_preproc,
            rounds,
            batch_size,
            gate,
            max_slowdown,
            spans_key,
        )
    )


def _evaluate(
    model: str,
    data: list[str],
    train: list[str] | None,
    compare: str | None,
    output: Path,
    json: Path | None,
    markdown: Path | None,
    gpu_id: str,
    group: str | None,
    gold_preproc: bool,
    rounds: int,
    batch_size: int | None,
    gate: bool,
    max_slowdown: float,
    spans_key: str | None,
) -> None:
    from cloudner.atomic import write_json, write_text
    from cloudner.report.evaluate import evaluate
    from cloudner.report.render.terminal import print_evaluation

    evaluation = evaluate(
        model,
        data,
        train=train or None,
        compare_with=compare,
        output=output,
        group=group,
        gold_preproc=gold_preproc,
        rounds=rounds,
        batch_size=batch_size,
        spans_key=spans_key,
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
        gate=gate,
        max_slowdown=max_slowdown,
    )
    print_evaluation(evaluation)
    for path, write in (
        (json, lambda p: write_json(p, evaluation.to_dict())),
        (markdown, lambda p: write_text(p, evaluation.to_markdown())),
    ):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path)
            print(path)
    print(output)
    if evaluation.gate is not None and not evaluation.gate.passed:
        raise typer.Exit(NOT_PASSED)
