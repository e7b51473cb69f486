"""`cloudner serve`: a recognition service over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from cloudner.cli import app
from cloudner.cli._shared import Code, run
from cloudner.cores import restart


@app.command("serve")
def serve_cli(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]MODEL...",
            help="Folders or packages; the first is the default. Without any: as cloudner.load() finds one",
        ),
    ] = None,
    code: Code = None,
    host: Annotated[str, typer.Option("--host", help="Address; 0.0.0.0 for all")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 for a free one")] = 8000,
    max_batch: Annotated[int, typer.Option("--max-batch", help="Texts computed at once")] = 32,
    max_pieces: Annotated[
        int,
        typer.Option("--max-pieces", help="Word pieces computed at once; longer texts are computed in parts"),
    ] = 2048,
    wait_ms: Annotated[
        float, typer.Option("--wait-ms", help="Most milliseconds that a batch waits for more texts")
    ] = 5.0,
    queue_texts: Annotated[
        int, typer.Option("--queue-texts", help="Texts that may wait; above it the answer is 429")
    ] = 1024,
    max_chars: Annotated[int, typer.Option("--max-chars", help="Most characters of a text")] = 100_000,
    max_texts: Annotated[int, typer.Option("--max-texts", help="Most texts in a request")] = 256,
    max_body_mb: Annotated[
        float, typer.Option("--max-body-mb", help="Most megabytes in the body of a request")
    ] = 4.0,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds until a request is given up")] = 30.0,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", help="File with one token per line; a request must send one of them"),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", help="An origin whose pages may call the service; may be repeated"),
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, each with its models")] = 1,
    retrain: Annotated[
        str | None,
        typer.Option(
            "--retrain",
            help="A command that Label Studio may start; the pipelines are loaded anew when it succeeds",
        ),
    ] = None,
    gpu_id: Annotated[
        str, typer.Option("--gpu-id", "-g", help="auto, -1 for the CPU, or a GPU's number")
    ] = "auto",
    precision: Annotated[str, typer.Option("--precision", help="As in cloudner.load")] = "auto",
    backend: Annotated[str, typer.Option("--backend", help="As in cloudner.load")] = "auto",
) -> None:
    """Recognition over HTTP: JSON, streams, a page, metrics, Label Studio.

    SIGTERM and Ctrl-C end it once everything accepted is answered. Needs the extra `serve`.
    """
    restart()

    def start() -> None:
        from cloudner.serving.server import serve
        from cloudner.serving.settings import Limits, ServiceSettings, parse_model, read_tokens

        limits = Limits(
            max_batch, max_pieces, wait_ms, queue_texts, max_chars, max_texts, max_body_mb, timeout
        )
        serve(
            ServiceSettings(
                models=tuple(parse_model(each) for each in models) if models else ((None, None),),
                code=None if code is None else str(code),
                host=host,
                port=port,
                tokens=read_tokens(token_file) if token_file else (),
                cors=tuple(cors or ()),
                workers=workers,
                device={"auto": "auto", "-1": "cpu"}.get(gpu_id, f"cuda:{gpu_id}"),
                precision=precision,
                backend=backend,
                retrain=retrain,
                limits=limits,
            )
        )

    run(start)
