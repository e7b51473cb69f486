"""Runs peers in turn, each in a process of its own, and writes what they did as JSON and as a Markdown table."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import choose_device, cores, say
from benchmarks.data import ROOT, describe, read_folder
from benchmarks.jobs import prepare_data, prepare_encoder, run_job
from benchmarks.machine import machine, versions
from benchmarks.peers import Job, Peer, find, peers_of
from benchmarks.summaries import compare, markdown, summary


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
