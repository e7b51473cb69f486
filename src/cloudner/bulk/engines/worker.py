"""A process that annotates pieces: `python -m cloudner.bulk.engines.worker TARGET MODEL KEY DEVICE THREADS [--keep-going]
[--code FILE]`.

Numbers of pieces come in on standard input, one a line; JSON goes out on standard output, one object a line. When the
input ends, because whoever started it wants no more or is gone, the process ends at once: a piece that is not finished
leaves nothing in its place.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from typing import IO, Any


def main(arguments: list[str]) -> None:
    target, model, key, device, threads, *more = arguments
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message
    numbers: queue.Queue[int] = queue.Queue()
    threading.Thread(target=_listen, args=(numbers,), daemon=True).start()
    try:
        code = more[more.index("--code") + 1] if "--code" in more else None
        _work(target, model, key, device, int(threads), "--keep-going" in more, code, numbers, out)
    except BrokenPipeError:  # nobody listens any more
        os._exit(1)


def _listen(numbers: queue.Queue[int]) -> None:
    for line in sys.stdin:
        numbers.put(int(line))
    os._exit(0)


def _work(
    target: str,
    model: str,
    key: str,
    device: str,
    threads: int,
    keep_going: bool,
    code: str | None,
    numbers: queue.Queue[int],
    out: IO[str],
) -> None:
    from cloudner.bulk.engines.run import reason_of

    def say(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    try:
        if threads:
            import torch

            torch.set_num_threads(threads)
        from cloudner.bulk.piece import PieceWorker

        worker = PieceWorker(target, model, key, device, keep_going=keep_going, code=code)
    except Exception as error:
        say(fatal=reason_of(error))
        return
    say(ready=True)
    while True:
        number = numbers.get()
        try:
            result = worker.do(
                number, lambda piece, rows, failed: say(number=piece, rows=rows, failed=failed)
            )
        except BrokenPipeError:
            raise
        except Exception as error:
            say(number=number, error=reason_of(error))
        else:
            say(number=number, done=[result.rows, result.failed, result.entities])


if __name__ == "__main__":
    main(sys.argv[1:])
