"""`python -m spacy cloudner train`: pick the device, resolve what is "auto", train as spaCy does."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import run, unquote
from cloudner.cores import restart
from cloudner.errors import ConfigError
from cloudner.own_code import import_code
from cloudner.training.checkpoint_options import CheckpointOptions


@app.command("train", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def train_cli(
    ctx: typer.Context,
    config: Annotated[
        str,
        typer.Argument(
            help="Training config: a file, or cpu, gpu, gpu-large, zh-cpu, zh-gpu, spans, shared, recipe"
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the trained pipelines")] = Path(
        "training"
    ),
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help='"auto", a GPU number, or -1 for the CPU')
    ] = "auto",
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help='Encoder in place of the config\'s; "config" keeps it')
    ] = "config",
    calibrate: Annotated[
        bool,
        typer.Option(help="Calibrate on the dev data: temperature, Platt scaling and the shift of O's score"),
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the settings and stop")] = False,
    resume: Annotated[
        str,
        typer.Option(
            help='After a kill: "auto" goes on if the training is the same, "never", or a checkpoint'
        ),
    ] = "auto",
    checkpoints: Annotated[
        str, typer.Option(help="Folder or URL (s3://...) of checkpoints; default: OUTPUT/checkpoints")
    ] = "",
    checkpoint_minutes: Annotated[float, typer.Option(help="Minutes from one checkpoint to the next")] = 10.0,
    checkpoint_steps: Annotated[
        int, typer.Option(help="Steps from one checkpoint to the next, in place of minutes; 0: minutes")
    ] = 0,
    keep: Annotated[int, typer.Option(help="Number of checkpoints that are kept")] = 2,
    base: Annotated[
        str, typer.Option("--base", help="A trained pipeline to go on from, with new annotations and labels")
    ] = "",
    replay: Annotated[
        float, typer.Option("--replay", help="With --base: share of the old documents to train on again")
    ] = 0.5,
    old: Annotated[
        str, typer.Option("--old", help="With --base: the old documents; default: where the base found them")
    ] = "",
    ranks: Annotated[
        str,
        typer.Option(
            help='Processes that train together: a number, or "gpus" for one a GPU; default: this one, or those that a launcher has started'
        ),
    ] = "",
    scale_batch: Annotated[
        bool,
        typer.Option(
            "--scale-batch",
            help="With several processes: that many times the batch, and the learning rate by the square root",
        ),
    ] = False,
    reduce_in: Annotated[
        str,
        typer.Option(help="Number format in which gradients of several processes are summed: fp32 or bf16"),
    ] = "fp32",
    code: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--code", "-c", help="Python file with registered functions that the config names"),
    ] = None,
) -> None:
    """Train a pipeline on the best device of this machine.

    Prints the settings it decided on, writes them to OUTPUT/resolved.cfg and trains as spaCy does. Config values can be
    overridden as in `spacy train`: --paths.train corpus/train.spacy --training.max_epochs 3

    A training that is killed goes on from its last checkpoint when the command is typed again. With --base the data of the
    config (paths.train, paths.dev) are new documents, of any format, for a pipeline that is trained already.
    """
    restart()
    size = run(lambda: _size(ranks, gpu_id, base))
    if size > 1 and not dry_run:
        from cloudner.training.ranks.launch import launch

        raise typer.Exit(launch(_words(ctx), size))
    options = run(
        lambda: CheckpointOptions(resume, checkpoints or None, checkpoint_minutes, checkpoint_steps, keep)
    )
    run(
        lambda: _train(
            ctx, unquote(config), output, gpu_id, unquote(encoder), calibrate, options, code, scale_batch,
            reduce_in, size if dry_run else 0, (unquote(base), replay, unquote(old)),
        )
    )  # fmt: skip


def _size(ranks: str, gpu_id: str, base: str) -> int:
    """Processes to start, from --ranks."""
    from cloudner.training.ranks.join import in_company
    from cloudner.training.ranks.launch import how_many

    if not ranks:
        return 1
    if in_company(os.environ):
        raise ConfigError(
            "--ranks in a process that a launcher has started beside others",
            fix="the command without --ranks",
        )
    if unquote(base):
        raise ConfigError("--ranks with --base", expected="one of the two: an update trains in one process")
    return how_many(ranks, gpu_id)


def _words(ctx: typer.Context) -> list[str]:
    """This command for each of several processes: without --ranks."""
    words = ["cloudner", "train"]
    for parameter in ctx.command.params:
        value = ctx.params.get(str(parameter.name))
        if parameter.name == "ranks" or value in (None, ""):
            continue
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif isinstance(value, bool):
            words += parameter.opts[:1] if value else parameter.secondary_opts[:1]
        else:
            words += [parameter.opts[0], str(value)]
    return words + ctx.args


def _train(
    ctx: typer.Context,
    name_of_config: str,
    output: Path,
    gpu_id: str,
    encoder: str,
    calibrate: bool,
    options: CheckpointOptions,
    code: Path | None,
    scale_batch: bool,
    reduce_in: str,
    dry_run: int,
    update: tuple[str, float, str],
) -> None:
    """dry_run: 0, or for how many processes the settings are shown."""
    from spacy.cli._util import parse_config_overrides

    from cloudner import training
    from cloudner.training.interrupted import usable
    from cloudner.training.ranks.join import speaks
    from cloudner.training.shipped import config_file
    from cloudner.training.signals import Stopped
    from cloudner.training.table import show_settings

    for argument in ctx.args:
        if argument.startswith("--") and "." not in argument:
            raise ConfigError(
                f"there is no option {argument}",
                expected="an option of `cloudner train --help`, or a setting with its section",
                fix="cloudner train configs/cpu.cfg --training.max_epochs 3",
            )
    import_code(code)
    overrides = parse_config_overrides(ctx.args)
    config = config_file(name_of_config, output)
    name = None if encoder == "config" else encoder
    if update[0] and dry_run:
        raise ConfigError(
            "--dry-run with --base", expected="one of the two: the settings follow from the data"
        )
    if dry_run:
        show_settings(
            training.resolve(
                config, gpu_id=gpu_id, overrides=overrides, encoder=name, ranks=dry_run, scale=scale_batch
            )
        )
        return
    started = time.time()
    try:
        if update[0]:
            best = _update(config, output, gpu_id, overrides, name, calibrate, options, *update)
            print(_done(best))
            return
        best = training.train(
            config, output, gpu_id=gpu_id, overrides=overrides, encoder=name, calibrate=calibrate, show=show_settings,
            checkpoints=options, scale_batch=scale_batch, reduce_in=reduce_in,
        )  # fmt: skip
    except Stopped as stopped:
        if speaks():
            print(
                f"Stopped after step {stopped.step + 1:,}, with a checkpoint: the same command goes on from there."
            )
        raise typer.Exit(128 + signal.SIGTERM) from None
    except KeyboardInterrupt:
        for line in (
            usable(config, output, overrides, name, options, started, bool(update[0])) if speaks() else ()
        ):
            print(line)
        raise typer.Exit(128 + signal.SIGINT) from None
    if speaks():
        print(_done(best))


def _done(best: Path) -> str:
    """What calibration has found, where it was not left out, and the last line."""
    found = json.loads((best.parent / "run.json").read_text(encoding="utf8")).get("calibration")
    last = f'Best pipeline: {best}    in Python: nlp = cloudner.load("{best}")'
    if not found:
        return last
    said = f"Calibrated on dev: temperature {found['temperature']:.2f}"
    if found.get("o_shift"):
        said += f", score of O {found['o_shift']:+.2f}"
        if found["f1_after"] is not None:
            said += f" (F1 {100 * found['f1_before']:.2f} -> {100 * found['f1_after']:.2f})"
    return f"{said}\n{last}"


def _update(
    config: Path,
    output: Path,
    gpu_id: str,
    overrides: dict[str, Any],
    encoder: str | None,
    calibrate: bool,
    options: CheckpointOptions,
    base: str,
    replay: float,
    old: str,
) -> Path:
    """`cloudner.train` on the data that the config names."""
    from cloudner.overrides import read_config
    from cloudner.training.fit import train
    from cloudner.training.updating import reading_of

    asked = read_config(config, overrides, interpolate=True)
    paths, reading = asked.get("paths", {}), reading_of(asked, "train")
    if not paths.get("train"):
        raise ConfigError("the config names no new documents", fix="--paths.train new.csv")
    if reading.get("align") == "expand":
        del reading["align"]
    odd = [name for name in ("align", "encoding", "sentence_column", "delimiter") if name in reading]
    if odd:
        raise ConfigError(
            f"corpora.train.{odd[0]} = {reading[odd[0]]!r} with --base", expected="documents that need no such setting",
            fix="cloudner convert, and --paths.train with what it writes",
        )  # fmt: skip
    kept = {name: value for name, value in overrides.items() if not name.startswith(("paths.", "nlp.lang"))}
    return train(
        paths["train"], paths.get("dev"), config=config, output=output, encoder=encoder, base=base, replay=replay, old=old or None,
        overrides=kept, calibrate=calibrate, checkpoints=options, lang=overrides.get("nlp.lang"),
        device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
        **reading,
    ).path  # fmt: skip
