"""`python -m spacy cloudner cross-validate`: F1 by training once for each fold."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run, unquote
from cloudner.cores import restart
from cloudner.errors import printable
from cloudner.own_code import import_code


@app.command("cross-validate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def cross_validate_cli(
    ctx: typer.Context,
    data: Annotated[
        str, typer.Argument(help="The corpus: a file of any annotation format, a folder or a URL")
    ],
    folds: Annotated[int, typer.Option("--folds", help="Parts of the corpus, and number of trainings")] = 5,
    config: Annotated[
        str,
        typer.Option(
            "--config", help="A config: a file, or cpu, gpu, gpu-large, zh-cpu, zh-gpu, spans, recipe"
        ),
    ] = "cpu",
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="Encoder in place of the config's")
    ] = None,
    lang: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--lang", "-l", help="Language; default: the config's"),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for predictions.jsonl, the reports and the folds")
    ] = Path("cross-validation"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the division into folds")] = 0,
    keep_pipelines: Annotated[
        bool, typer.Option("--keep-pipelines", help="Keep the pipelines, in OUTPUT/folds/fold-N/training")
    ] = False,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    code: Code = None,
) -> None:
    """Cross-validation: train once for each fold of the corpus on the others, and give the mean and the standard deviation of F1,
    by label too.

    Config values can be overridden as in `cloudner train`: --training.max_epochs 3. A call after a kill trains only what is
    missing. predictions.jsonl keeps what was predicted of each document, for `evaluate` and `review --predictions`.
    """
    restart()
    run(lambda: import_code(code))
    options = {
        "folds": folds, "config": unquote(config), "encoder": encoder, "lang": lang, "output": output, "seed": seed,
        "keep_pipelines": keep_pipelines,
    }  # fmt: skip
    run(lambda: _cross_validate(ctx, data, gpu_id, options))


def _cross_validate(ctx: typer.Context, data: str, gpu_id: str, options: dict[str, Any]) -> None:
    from spacy.cli._util import parse_config_overrides

    from cloudner.pages.numbers import percent
    from cloudner.studies.cross_validation import FoldScores, cross_validate

    def told(number: int, fold: FoldScores) -> None:
        said = f"{fold.documents:,} documents, {fold.seconds:.0f} s"
        print(f"fold {number + 1}: F1 {percent(fold.scores.micro.f1)} ({said})", flush=True)

    made = cross_validate(
        data, overrides=parse_config_overrides(ctx.args), told=told,
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"), **options,
    )  # fmt: skip
    print("\n".join(map(printable, made.lines())))
    for name in ("cross-validation.html", "report.html"):
        print(options["output"] / name)
