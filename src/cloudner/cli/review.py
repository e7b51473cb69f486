"""`python -m spacy cloudner review`: annotations that are probably wrong, and texts to annotate next."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run, unquote
from cloudner.cores import restart
from cloudner.errors import ConfigError
from cloudner.own_code import import_code


@app.command("review", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def review_cli(
    ctx: typer.Context,
    corpus: Annotated[
        list[str] | None,
        typer.Argument(help="Annotated files of any format, folders or URLs; not with --pool"),
    ] = None,
    config: Annotated[
        str,
        typer.Option(
            "--config", "-c", help="A config: a file, or cpu, gpu, gpu-large, zh-cpu, zh-gpu, spans, recipe"
        ),
    ] = "configs/cpu.cfg",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results")] = Path("review"),
    folds: Annotated[int, typer.Option("--folds", help="Parts of the corpus, and number of trainings")] = 3,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-n",
            help="Most rows in the list (default 1000), or with --pool the number of texts (100)",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the division into folds")] = 0,
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help='Encoder in place of the config\'s; "config" keeps it')
    ] = "config",
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help='"auto", a GPU number, or -1 for the CPU')
    ] = "auto",
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions", help="predictions.jsonl of `cloudner cross-validate`, in place of trainings"
        ),
    ] = None,
    pool: Annotated[
        list[str] | None,
        typer.Option("--pool", help="Texts of which to choose those to annotate next; may be repeated"),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="With --pool: the pipeline that judges the texts")
    ] = None,
    code: Code = None,
) -> None:
    """Find the annotations that are probably wrong; or, with --pool, the texts to annotate next.

    Trains a pipeline for each fold and lists where it disagrees with the annotation it has not seen: review.html to accept
    and reject, suspects.jsonl for `cloudner convert --apply`, tasks for Label Studio and doccano. Config values can be
    overridden as in `train`: --training.max_epochs 3
    """
    restart()
    run(lambda: import_code(code))
    # Settings come among the corpora: the list of them takes what is no option.
    given = [*(corpus or []), *ctx.args]
    at = next((i for i, word in enumerate(given) if word.startswith("--")), len(given))
    files, rest = given[:at], given[at:]
    run(lambda: _check(rest, files, pool, model, predictions))
    if pool:
        run(lambda: _choose(pool, 100 if count is None else count, model, output, gpu_id))
        return
    run(
        lambda: _review(
            rest,
            files,
            unquote(config),
            output=output,
            folds=folds,
            count=1000 if count is None else count,
            seed=seed,
            encoder=None if encoder == "config" else unquote(encoder),
            gpu_id=gpu_id,
            predictions=predictions,
        )
    )


def _check(
    rest: list[str], corpus: list[str], pool: list[str] | None, model: str | None, predictions: Path | None
) -> None:
    for argument in rest:
        if argument.startswith("--") and "." not in argument:
            raise ConfigError(
                f"there is no option {argument}",
                expected="an option of `cloudner review --help`, or a setting with its section",
                fix="cloudner review corpus/train.spacy --training.max_epochs 3",
            )
    if bool(pool) == bool(corpus):
        raise ConfigError(
            "a corpus and --pool" if pool else "neither a corpus nor --pool",
            expected="annotated files to review, or a pool of texts to choose from",
            fix="cloudner review corpus/train.spacy, or cloudner review --pool texts.txt --model training/model-best",
        )
    if predictions is not None and pool:
        raise ConfigError(
            "--predictions with --pool", expected="a corpus: the predictions are of its documents"
        )
    if model is not None and not pool:
        raise ConfigError("--model without --pool", expected="--config, with which pipelines are trained")


def _review(rest: list[str], corpus: list[str], config: str, **settings: Any) -> None:
    from spacy.cli._util import parse_config_overrides

    from cloudner.reviewing.run import review

    made = review(corpus, config, overrides=parse_config_overrides(rest), **settings)
    print(made.summary)
    print(", ".join(f"{kind} {n:,}" for kind, n in made.kinds.items()))
    for path in (made.files["rows"], made.files["label_studio"], made.files["doccano"], made.files["page"]):
        print(path)


def _choose(pool: list[str], count: int, model: str | None, output: Path, gpu_id: str) -> None:
    from cloudner.reviewing.pool import choose_texts

    target = output if output.suffix == ".jsonl" else output / "texts.jsonl"
    device = {"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}")
    chosen = choose_texts(pool, count, model=model, output=target, device=device)
    unsure = sum(each.uncertainty > 0 for each in chosen)
    print(f"{len(chosen):,} texts, of {unsure:,} of which the pipeline is unsure")
    print(target)
