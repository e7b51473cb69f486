"""Runs peers in turn, each in a process of its own, and writes what they did as JSON and as a Markdown table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import ROOT, SENTENCES, SPLITS, make_encoder, read_folder, write_synthetic
from benchmarks.machine import machine, versions
from benchmarks.peers import Job, Peer, find, peers_of


def run_job(job: Job, work: Path, seconds: float = math.inf) -> dict[str, Any]:
    """The job's result from a new process with the job's number of threads, ended after `seconds`; its output goes to
    `work/logs`."""
    logs = work / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{job.kind}-{job.peer}-{os.getpid()}-{time.monotonic_ns()}.log"
    threads = str(job.threads)
    environment = os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "RAYON_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p),
        "TOKENIZERS_PARALLELISM": "true",
    }
    with tempfile.TemporaryDirectory() as name:
        job_file, result_file = Path(name) / "job.json", Path(name) / "result.json"
        job_file.write_text(json.dumps(dataclasses.asdict(job)), encoding="utf-8")
        with open(log, "w", encoding="utf-8") as stream:
            try:
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.one", str(job_file), str(result_file)],
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=ROOT,
                    timeout=None if seconds == math.inf else max(seconds, 0),
                )
            except subprocess.TimeoutExpired:
                return {"not_measured": f"ended after {seconds:.0f} s: out of time"}
        if not result_file.exists():
            return {
                "not_measured": f"its process ended with code {done.returncode} ({_last_line(log)})",
                "failed": True,
            }
        return json.loads(result_file.read_text(encoding="utf-8"))


def _last_line(path: Path) -> str:
    lines = [line for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no output"


def prepare_encoder(name: str, work: Path) -> str:
    """`random:SHAPE` is made once in `work`; every other name is taken as cloudner takes it."""
    if name.startswith("random:"):
        folder = work / "encoders" / name.split(":", 1)[1]
        if not (folder / "config.json").is_file():
            make_encoder(folder, name.split(":", 1)[1])
        return str(folder)
    if (Path(name).expanduser() / "config.json").is_file():
        return str(Path(name).expanduser().resolve())
    return name


def prepare_data(folder: str | None, work: Path, limit: int = 0, length: int = 0) -> Path:
    """The folder given, or a synthetic corpus as large as CoNLL-2003 (or `limit` sentences a split)."""
    if folder:
        path = Path(folder).resolve()
        read_folder(path, 1)  # says what is missing
        return path
    counts = {split: min(limit or SENTENCES[split], SENTENCES[split]) for split in SPLITS}
    name = "-".join(str(counts[split]) for split in SPLITS) + (f"-length-{length}" if length else "")
    made = work / "data" / f"synthetic-{name}"
    if not all((made / f"{split}.conll").is_file() for split in SPLITS):
        write_synthetic(made, counts, length=length)
    return made


@dataclasses.dataclass
class Suite:
    """A comparison: see `python -m benchmarks --help` for each setting. `record` is what the JSON file holds."""

    kind: str
    encoder: str
    data: str | None
    peers: str = "all"
    device: str = "auto"
    runs: int = 3
    epochs: int = 3
    batch: int = 16
    lr: float = 5e-5
    seed: int = 0
    threads: int = 0
    limit: int = 0
    work: Path = ROOT / "build" / "benchmarks"
    json_file: Path | None = None
    markdown_file: Path | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)
    command: str = ""
    length: int = 0
    deadline: float = math.inf  # of time.monotonic(); what would not be done by then is left out
    record: dict[str, Any] = dataclasses.field(default_factory=dict)
    lasted: dict[str, float] = dataclasses.field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        self.work = Path(self.work).resolve()
        self.work.mkdir(parents=True, exist_ok=True)
        known = peers_of(self.kind)
        names = self.peers.split(",")
        chosen = list(known) if self.peers == "all" else [find(self.kind, name) for name in names]
        path = prepare_encoder(self.encoder, self.work)
        data = prepare_data(self.data, self.work, self.limit, self.length)
        self.device = choose_device(self.device)
        self.threads = self.threads or cores()
        self.record = self._head(path, data)
        jobs = {peer.name: self._job(peer, path, data) for peer in chosen}
        if self.kind == "predict":
            self._train_missing(chosen, jobs, path, data)
        for number in range(self.runs):
            for peer in chosen:
                self._one(number, peer, jobs[peer.name])
                self._write()
        return self.record

    def _one(self, number: int, peer: Peer, job: Job) -> None:
        row = self.record["peers"].setdefault(peer.name, {"what": peer.what, "runs": []})
        if "not_measured" in row:
            return
        left = self.deadline - time.monotonic()
        if left < self.lasted.get(peer.name, 0.0):
            if not row["runs"]:
                row["not_measured"] = "out of time"
            return
        if self.kind == "train" and number == 0 and peer.name == peer.family:
            job = dataclasses.replace(job, save=str(self._model(peer.family)))
            shutil.rmtree(job.save, ignore_errors=True)
        began = time.monotonic()
        result = run_job(job, self.work, left)
        self.lasted[peer.name] = time.monotonic() - began
        if "not_measured" in result:
            row |= result
            say(f"{peer.name}: not measured: {result['not_measured']}")
            return
        row["runs"].append(result)
        row |= summary(row["runs"])
        say(
            f"run {number + 1}, {peer.name}: {result['words_per_second']:.0f} words/s in {result['seconds']:.1f} s, "
            f"test F1 {result['test']['f1']:.4f}, {result['memory']['rss'] / 1e6:.0f} MB"
        )

    def _job(self, peer: Peer, encoder: str, data: Path) -> Job:
        return Job(
            kind=self.kind,
            peer=peer.name,
            encoder=encoder,
            data=str(data),
            device=self.device,
            epochs=self.epochs,
            batch=self.batch,
            lr=self.lr,
            seed=self.seed,
            threads=self.threads,
            limit=self.limit,
            overrides=self.overrides,
            options=self.options,
            model=str(self._model(peer.family)) if self.kind == "predict" else "",
        )

    def _train_missing(self, chosen: Sequence[Peer], jobs: dict[str, Job], encoder: str, data: Path) -> None:
        """A trained model for each family; not timed here."""
        for family in dict.fromkeys(peer.family for peer in chosen if peer.family):
            target = self._model(family)
            if target.is_dir():
                continue
            peer = find("train", family)
            job = dataclasses.replace(
                self._job(peer, encoder, data), kind="train", peer=family, save=str(target), model=""
            )
            result = run_job(job, self.work, self.deadline - time.monotonic())
            if "not_measured" in result:
                shutil.rmtree(target, ignore_errors=True)
                for one in chosen:
                    if one.family == family:
                        reason = f"no trained model: {result['not_measured']}"
                        self.record["peers"][one.name] = {
                            "what": one.what,
                            "runs": [],
                            "not_measured": reason,
                        }
                say(f"{family}: not trained: {result['not_measured']}")
            else:
                say(
                    f"{family}: trained for prediction in {result['seconds']:.0f} s, test F1 {result['test']['f1']:.4f}"
                )

    def _model(self, family: str) -> Path:
        """Where this family's model for these settings is kept between commands."""
        facts = [
            self.encoder,
            self.record["data"],
            self.epochs,
            self.batch,
            self.lr,
            self.seed,
            self.device,
            self.overrides,
        ]
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        return self.work / "models" / key / family

    def _head(self, encoder: str, data: Path) -> dict[str, Any]:
        from benchmarks.data import describe
        from cloudner.model.network.encoder import resolve_encoder

        facts = describe(read_folder(data, self.limit), resolve_encoder(encoder))
        name = self.encoder if not Path(self.encoder).is_absolute() else Path(self.encoder).name
        return {
            "command": self.command,
            "kind": self.kind,
            "encoder": {"name": name, "random": self.encoder.startswith("random:"), **facts.pop("encoder")},
            "data": {"name": data.name, **facts},
            "settings": {
                "device": self.device,
                "threads": self.threads,
                "runs": self.runs,
                "epochs": self.epochs,
                "sentences_a_step": self.batch,
                "learning_rate": self.lr,
                "seed": self.seed,
                **({"overrides": self.overrides} if self.overrides else {}),
            },
            "machine": machine(self.device),
            "versions": versions(),
            "peers": {},
        }

    def _write(self) -> None:
        compare(self.record)
        if self.json_file:
            self.json_file.parent.mkdir(parents=True, exist_ok=True)
            self.json_file.write_text(json.dumps(self.record, indent=1) + "\n", encoding="utf-8")
        if self.markdown_file:
            self.markdown_file.parent.mkdir(parents=True, exist_ok=True)
            self.markdown_file.write_text(markdown(self.record), encoding="utf-8")


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median, min and max of words/s, the highest memory, and F1 of the runs of one peer."""
    speed = [run["words_per_second"] for run in runs]
    f1 = [run["test"]["f1"] for run in runs]
    made = {
        "words_per_second": {"median": statistics.median(speed), "min": min(speed), "max": max(speed)},
        "peak_memory": {key: max(run["memory"][key] for run in runs) for key in runs[0]["memory"]},
        "f1": {"median": statistics.median(f1), "min": min(f1), "max": max(f1)},
        "f1_lenient": statistics.median(run["test"]["f1_lenient"] for run in runs),
    }
    if "precision" in runs[0]:
        made["precision"] = runs[0]["precision"]
    return made


def compare(record: dict[str, Any]) -> None:
    """Adds to every peer how many times as fast each cloudner row is (medians), and to cloudner what confidence costs."""
    rows = record["peers"]
    speeds = {
        name: row["words_per_second"]["median"] for name, row in rows.items() if "words_per_second" in row
    }
    for name, row in rows.items():
        if name in speeds:
            row["times_as_fast"] = {
                ours: round(speed / speeds[name], 2)
                for ours, speed in speeds.items()
                if ours.startswith("cloudner")
            }
    if {"cloudner", "cloudner-plain"} <= speeds.keys():
        record["confidence_costs_percent"] = round(
            100 * (1 - speeds["cloudner"] / speeds["cloudner-plain"]), 1
        )
    encoder, split = record["encoder"], record["data"]["train" if record["kind"] == "train" else "test"]
    for name, speed in speeds.items():
        pieces = speed * split["pieces"] / max(split["words"], 1)
        rows[name]["pieces_per_second"] = round(pieces)
        # 2 FLOP a weight and piece forward, 4 backward (Kaplan et al., 2020); attention's own products are left out
        factor = 6 if record["kind"] == "train" else 2
        rows[name]["model_tflops"] = round(factor * encoder["without_embeddings"] * pieces / 1e12, 3)


def markdown(record: dict[str, Any]) -> str:
    rows, cuda = record["peers"], record["settings"]["device"].startswith("cuda")
    ours = [name for name in rows if name.startswith("cloudner") and rows[name]["runs"]]
    machine_, data = record["machine"], record["data"]
    flags = ", ".join(machine_["cpu_flags"])
    encoder = record["encoder"]["name"] + (
        " (random weights: speed only)" if record["encoder"]["random"] else ""
    )
    lines = [
        f"# {'Fine-tuning' if record['kind'] == 'train' else 'Inference'}: {encoder}",
        "",
        f"`{record['command']}`",
        "",
        f"{machine_.get('gpu') or machine_['cpu']} ({machine_['cores']:g} cores; {flags}), "
        f"{record['settings']['threads']} threads a process. Data: {data['name']}, "
        + ", ".join(
            f"{split} {data[split]['sentences']} sentences, {data[split]['words']} words" for split in SPLITS
        )
        + f". Settings: {record['settings']['epochs']} epochs, {record['settings']['sentences_a_step']} sentences a "
        f"step, learning rate {record['settings']['learning_rate']:g}. Medians of {record['settings']['runs']} "
        "interleaved runs, each in its own process; loading is not timed, tokenising is.",
        "",
        "| peer | words/s | min to max | peak memory | F1 | F1, lenient | "
        + " | ".join(f"{name} is" for name in ours)
        + (" |" if ours else ""),
        "|---|---|---|---|---|---|" + "---|" * len(ours),
    ]
    for name, row in rows.items():
        if not row["runs"]:
            lines.append(f"| {name} | not measured: {row.get('not_measured', '')} |" + " |" * (4 + len(ours)))
            continue
        speed, memory = row["words_per_second"], row["peak_memory"]
        peak = memory["cuda"] if cuda else memory["rss"]
        ratios = " | ".join(f"{row['times_as_fast'][one]:.2f}x" for one in ours)
        lines.append(
            f"| {name} | {speed['median']:,.0f} | {speed['min']:,.0f} to {speed['max']:,.0f} | {peak / 1e9:.2f} GB "
            f"| {row['f1']['median']:.4f} | {row['f1_lenient']:.4f} | {ratios} |"
        )
    lines += ["", *(f"- {name}: {row['what']}{_precision(row)}" for name, row in rows.items())]
    if "confidence_costs_percent" in record:
        lines += ["", f"Confidence costs {record['confidence_costs_percent']} % of the words/s."]
    said = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return "\n".join([*lines, "", f"Versions: {said}.", ""])


def _precision(row: dict[str, Any]) -> str:
    return f" ({row['precision']})" if row.get("precision") else ""


def choose_device(wanted: str) -> str:
    from cloudner.loading import choose_device as choose

    return choose(wanted)


def cores() -> int:
    from cloudner.hardware.machine.cpu import usable_cpus

    return max(1, int(usable_cpus(None)))


def shown_command(arguments: Sequence[str]) -> str:
    """The command as typed, absolute paths cut to their last name."""
    shown = [Path(a).name if Path(a).is_absolute() else a for a in arguments]
    return " ".join(["python -m", *shown])


def say(text: str) -> None:
    print(text, flush=True)
