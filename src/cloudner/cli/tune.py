"""`python -m spacy cloudner tune`: a search for the training settings."""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run, unquote
from cloudner.cores import restart
from cloudner.errors import printable
from cloudner.own_code import import_code


@app.command("tune", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def tune_cli(
    ctx: typer.Context,
    train: Annotated[
        str, typer.Argument(help="Training data: a file of any annotation format, a folder or a URL")
    ],
    dev: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--dev", help="Dev data; default: split off the training data"),
    ] = None,
    config: Annotated[
        str,
        typer.Option(
            "--config", help="A config: a file, or cpu, gpu, gpu-large, zh-cpu, zh-gpu, spans, recipe"
        ),
    ] = "cpu",
    encoder: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--encoder", "-e", help="Encoder in place of the config's; give several to choose among them"
        ),
    ] = None,
    trials: Annotated[
        int, typer.Option("--trials", min=1, help="Trials in all, of all processes together")
    ] = 20,
    minutes: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--minutes", help="Minutes after which no new trial begins"),
    ] = None,
    folds: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--folds", help="Score by the mean F1 of so many folds of the training data, without --dev"
        ),
    ] = None,
    lang: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--lang", "-l", help="Language; default: the config's"),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder of the search; other processes with the same folder take part"
        ),
    ] = Path("tune"),
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sampler")] = 0,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    code: Code = None,
) -> None:
    """Search the training settings that give the best F1 on dev: rate, epochs, batch size, dropout, layer decay, encoder.

    With --folds 5 a trial is five trainings, for small corpora. Needs the extra `tune` (Optuna). Trials that lag behind are ended early. Typed twice, two processes share the trials; after
    a kill the same command goes on. The last line printed is the best config.
    """
    restart()
    run(lambda: import_code(code))
    many = encoder if encoder and len(encoder) > 1 else None
    options = {
        "config": unquote(config), "encoder": encoder[0] if encoder and not many else None, "encoders": many,
        "trials": trials, "minutes": minutes, "folds": folds, "lang": lang, "output": output, "seed": seed,
    }  # fmt: skip
    run(lambda: _tune(ctx, (train, dev), gpu_id, options))


def _tune(ctx: typer.Context, data: tuple[str, str | None], gpu_id: str, options: dict[str, Any]) -> None:
    from spacy.cli._util import parse_config_overrides

    from cloudner.pages.numbers import percent
    from cloudner.studies.tuning import tune

    def told(number: int, f1: float | None) -> None:
        print(f"trial {number}: {'pruned' if f1 is None else f'F1 {percent(f1)}'}", flush=True)

    found = tune(
        *data, overrides=parse_config_overrides(ctx.args), told=told,
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"), **options,
    )  # fmt: skip
    print("\n".join(map(printable, found.lines())))
