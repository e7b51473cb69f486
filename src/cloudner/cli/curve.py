"""`python -m spacy cloudner curve`: would more annotated documents help?"""

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run, unquote
from cloudner.cores import restart
from cloudner.errors import InputError, printable
from cloudner.own_code import import_code


@app.command("curve", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def curve_cli(
    ctx: typer.Context,
    train: Annotated[
        str, typer.Argument(help="Training data: a file of any annotation format, a folder or a URL")
    ],
    dev: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--dev", help="Dev data; default: split off the training data"),
    ] = None,
    test: Annotated[
        str | None, typer.Option("--test", help="Data on which F1 is measured; default: the dev data")
    ] = None,
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
        Path, typer.Option("--output", "-o", help="Folder for the trainings, curve.html and curve.json")
    ] = Path("curve"),
    shares: Annotated[
        str, typer.Option("--shares", help="Shares of the training data in percent, rising")
    ] = "12,25,50,100",
    more: Annotated[int, typer.Option("--next", min=1, help="Documents that the forecast is for")] = 200,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    code: Code = None,
) -> None:
    """Learning curve: F1 at growing shares of the training data, and what the next documents are expected to bring.

    Config values can be overridden as in `cloudner train`: --training.max_epochs 3. A call after a kill trains only the
    shares that are missing.
    """
    restart()
    run(lambda: import_code(code))
    options = {"config": unquote(config), "encoder": encoder, "lang": lang, "output": output, "more": more}
    run(lambda: _curve(ctx, (train, dev, test), shares, gpu_id, options))


def _curve(
    ctx: typer.Context,
    data: tuple[str, str | None, str | None],
    shares: str,
    gpu_id: str,
    options: dict[str, Any],
) -> None:
    from spacy.cli._util import parse_config_overrides

    from cloudner.pages.numbers import percent
    from cloudner.studies.learning_curve import curve

    try:
        wanted = [float(each) / 100 for each in shares.replace(" ", "").split(",")]
    except ValueError:
        raise InputError(f"--shares {shares}", expected="numbers with commas between", fix="--shares 12,25,50,100") from None  # fmt: skip
    made = curve(
        *data, shares=wanted, overrides=parse_config_overrides(ctx.args),
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
        told=lambda p: print(f"{p.documents:,} documents: F1 {percent(p.f1)} ({p.seconds:.0f} s)", flush=True), **options,
    )  # fmt: skip
    print("\n".join(map(printable, made.lines())))
    print(options["output"] / "curve.html")
