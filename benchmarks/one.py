"""One job in this process: `python -m benchmarks.one JOB.json RESULT.json`. Started by the suite."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from benchmarks.peers import Job, NotMeasured, run


def result_of(job: Job) -> dict[str, Any]:
    """What the peer measured, or `not_measured` with the reason."""
    result: dict[str, Any]
    try:
        import torch

        torch.set_num_threads(job.threads)
        result = run(job)
        result["words_per_second"] = round(result["words"] / result["seconds"], 1)
        result["seconds"] = round(result["seconds"], 3)
    except NotMeasured as reason:
        result = {"not_measured": str(reason)}
    except Exception as error:  # the suite goes on with the other peers and says what happened here
        traceback.print_exc()
        first = (str(error).strip().splitlines() or [""])[0]
        result = {"not_measured": f"failed with {type(error).__name__}: {first[:200]}", "failed": True}
    return result


def main(job_file: str, result_file: str) -> None:
    job = Job(**json.loads(Path(job_file).read_text(encoding="utf-8")))
    result = result_of(job)
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the result is written; what libraries do at exit cannot spoil it
