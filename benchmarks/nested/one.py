"""One training or prediction in this process: `python -m benchmarks.nested.one JOB.json RESULT.json`."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import peak_memory
from benchmarks.nested.corpus import bare, best_threshold, read, scores
from benchmarks.nested.systems import train

PASSES = 5  # over the test split, of which the median counts


def trained(job: dict[str, Any]) -> dict[str, Any]:
    """Trains, sets the threshold on dev, saves to `job["model"]`."""
    docs = read(Path(job["data"]))
    began = time.process_time()
    nlp, made = train(job["system"], job["settings"], docs, job["encoder"], job["seed"])
    made["cpu_seconds"] = round(time.process_time() - began, 2)
    made["memory"] = peak_memory("cpu")["rss"]
    made.pop("steady", None)
    if "threshold" in job["choose"]:
        name = job["system"]
        made["at_half"] = {"dev": scores(docs["dev"], list(nlp.pipe(bare(nlp, docs["dev"]))))["f1"]}
        made["threshold"] = best_threshold(nlp, name, docs["dev"])
        nlp.get_pipe(name).cfg["threshold"] = made["threshold"]
    nlp.to_disk(job["model"])
    return made


def predicted(job: dict[str, Any]) -> dict[str, Any]:
    """Loads the pipeline and scores it on `job["score"]`; the speed is that of the first of those splits."""
    import cloudner

    docs = read(Path(job["data"]))
    nlp = cloudner.load(job["model"], device="cpu")
    split = job["score"][0]
    list(nlp.pipe(bare(nlp, docs[split])))  # what happens once
    wall, cpu = [], []
    for _ in range(PASSES):
        inputs = bare(nlp, docs[split])
        began, began_cpu = time.perf_counter(), time.process_time()
        list(nlp.pipe(inputs))
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    middle = PASSES // 2
    made: dict[str, Any] = {
        "seconds": round(sorted(wall)[middle], 4),
        "cpu_seconds": round(sorted(cpu)[middle], 4),
        "words": sum(map(len, docs[split])),
        "memory": peak_memory("cpu")["rss"],
    }
    for split in job["score"]:
        made[split] = scores(docs[split], list(nlp.pipe(bare(nlp, docs[split]))))
    return made


def main(job_file: str, result_file: str) -> None:
    import torch

    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    result = trained(job) if job["kind"] == "train" else predicted(job)
    Path(result_file).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # the result is written; what libraries do at exit cannot spoil it
