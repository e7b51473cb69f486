"""`python -m spacy cloudner annotate SOURCE... TARGET`: entities of files of any number and size."""

from typing import Annotated

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run, unquote
from cloudner.errors import ConfigError


@app.command("annotate")
def annotate_cli(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE... TARGET", help="Files, patterns, folders or URLs; the target folder last"
        ),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Folder or package; by default training/model-best of the project"
        ),
    ] = None,
    code: Code = None,
    text_column: Annotated[str, typer.Option("--text-column", help="Column or key of the text")] = "text",
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Column or key of the id; by default FILE:NUMBER")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Columns to keep, separated by commas")
    ] = None,
    rows_per_piece: Annotated[
        int, typer.Option("--rows-per-piece", min=1, help="Documents in a file of the target")
    ] = 50_000,
    to: Annotated[
        str | None,
        typer.Option(
            "--to", "-t", help="parquet, jsonl or spacy; by default the target's ending, else parquet"
        ),
    ] = None,
    format: Annotated[
        str, typer.Option("--format", "-f", help="Format of the sources: parquet, jsonl, csv, text or spacy")
    ] = "auto",
    text_unit: Annotated[
        str, typer.Option("--text-unit", help="What is a document in a text file: line or file")
    ] = "line",
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Text encoding; by default found out for each file")
    ] = None,
    engine: Annotated[str, typer.Option("--engine", "-e", help="local, ray or spark")] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", "-w", min=1, help="Number of processes; by default one per GPU, else one per core"
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option("--shard", help="i/n: the i-th of n machines that share the target, counted from 0"),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Delete what an earlier job wrote into the target")
    ] = False,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="Leave out entities below this probability")
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="auto, fp32, bf16, fp16 or int8")] = "auto",
    backend: Annotated[str, typer.Option("--backend", help="auto, torch, onnxruntime or openvino")] = "auto",
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Go on even if the pipeline fails on every document")
    ] = False,
) -> None:
    """Annotate files of any number and size, in pieces: id, entities, confidence and wished columns of each document.

    The same command again goes on where it was interrupted. Exit code 1 where no document could be annotated.
    """
    *sources, target = (unquote(path) for path in paths)

    def call() -> None:
        from cloudner.bulk.job import annotate
        from cloudner.bulk.plan import FAILED

        if not sources:
            raise ConfigError(
                "one path", expected="SOURCE... TARGET", fix="cloudner annotate texts.parquet entities"
            )
        done = annotate(
            sources,
            target,
            model=model,
            code=code,
            text_column=text_column,
            id_column=id_column,
            columns=[name for name in (columns or "").split(",") if name],
            rows_per_piece=rows_per_piece,
            to=to,
            format=format,
            text_unit=text_unit,
            encoding=encoding,
            engine=engine,
            workers=workers,
            shard=_shard(shard),
            restart=restart,
            device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
            threshold=threshold,
            precision=precision,
            backend=backend,
            keep_going=keep_going,
        )
        print(
            f"{done.rows:,} documents, {done.entities:,} entities in {done.pieces:,} {'piece' if done.pieces == 1 else 'pieces'}"
        )
        if done.failed:
            print(f"{done.failed:,} documents have no annotation; {done.target}/{FAILED} says why")
        if not done.complete:
            print("Pieces of other shards are missing still.")
        print(done.target)
        if done.rows and done.failed == done.rows:
            raise typer.Exit(1)

    run(call)


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, slash, second = text.partition("/")
    if not (slash and first.isdecimal() and second.isdecimal()):
        raise ConfigError(f"shard = {text!r}", expected="i/n, such as 0/4")
    return int(first), int(second)
