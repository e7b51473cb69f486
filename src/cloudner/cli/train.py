"""`python -m spacy cloudner train`: pick the device, resolve what is "auto", run spaCy's own `train`."""

from pathlib import Path
from typing import Annotated

import typer

from cloudner.cli import app
from cloudner.cli._shared import run, unquote
from cloudner.errors import ConfigError


@app.command("train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_cli(
    ctx: typer.Context,
    config: Annotated[str, typer.Argument(help="Training config, such as configs/cpu.cfg")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the trained pipelines")] = Path(
        "training"
    ),
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help='"auto", a GPU number, or -1 for the CPU')
    ] = "auto",
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help='Encoder in place of the config\'s; "config" keeps it')
    ] = "config",
    calibrate: Annotated[bool, typer.Option(help="Fit the confidences' temperature on the dev data")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the settings and stop")] = False,
) -> None:
    """Train a pipeline on the best device of this machine.

    Prints the settings it decided on, writes them to OUTPUT/resolved.cfg and trains with spaCy. Config values can be
    overridden as in `spacy train`: --paths.train corpus/train.spacy --training.max_epochs 3
    """
    run(lambda: _train(ctx, Path(unquote(config)), output, gpu_id, unquote(encoder), calibrate, dry_run))


def _train(
    ctx: typer.Context,
    config: Path,
    output: Path,
    gpu_id: str,
    encoder: str,
    calibrate: bool,
    dry_run: bool,
) -> None:
    from spacy.cli._util import parse_config_overrides

    from cloudner import training

    for argument in ctx.args:
        if argument.startswith("--") and "." not in argument:
            raise ConfigError(
                f"there is no option {argument}",
                expected="an option of `cloudner train --help`, or a setting with its section",
                fix="cloudner train configs/cpu.cfg --training.max_epochs 3",
            )
    overrides = parse_config_overrides(ctx.args)
    name = None if encoder == "config" else encoder
    if dry_run:
        _show(training.resolve(config, gpu_id=gpu_id, overrides=overrides, encoder=name))
        return
    best = training.train(
        config, output, gpu_id=gpu_id, overrides=overrides, encoder=name, calibrate=calibrate, show=_show
    )
    print(f'Best pipeline: {best}    in Python: nlp = cloudner.load("{best}")')


def _show(made: object) -> None:
    from rich.console import Console
    from rich.table import Table

    from cloudner.training import Resolution, settings_rows

    assert isinstance(made, Resolution)
    table = Table(title="Settings", title_justify="left")
    for heading in ("setting", "value", "why"):
        table.add_column(heading)
    for row in settings_rows(made):
        table.add_row(*row)
    Console().print(table)
