"""`cloudner serve` under load, beside other services of the same encoder: answers a second, latency, CPU, memory.

    python -m benchmarks.serve --model training/model-best --seconds 20 --json benchmarks/results/serve.json
    python -m benchmarks.serve --model training/model-best --peer pipeline --peer litserve --encoder ENCODER_FOLDER

First a closed loop: so many clients, each with one short text at a time. Then, for ours, an open loop at `--overload`
times that rate: what is accepted, how late, what is refused, and how much memory it takes. The services run one after
another in processes of their own; CPU and memory are those of the process and its children.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.machine import machine, versions
from benchmarks.peers import NotMeasured

TEXTS = [
    f"{who} of {firm} moved from {place} to Turin in {year}."
    for who, firm, place, year in zip(
        ["Ada Lovelace", "Marie Curie", "Angela Merkel", "Bo Nilsson"] * 64,
        ["Volvo", "Apple", "the European Commission"] * 86,
        ["Košice", "Warsaw", "Lagos", "Quito", "Oslo"] * 52,
        range(1800, 2056),
        strict=False,
    )
]


async def request(port: int, body: bytes, timeout: float = 60.0) -> tuple[int, float]:
    """One request on a connection of its own: status (0: none) and seconds."""
    began = time.perf_counter()
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), timeout)
        head = (
            "POST /v1/entities HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        answer = await asyncio.wait_for(reader.read(), timeout)
        writer.close()
        return int(answer.split(b" ", 2)[1]), time.perf_counter() - began
    except (OSError, asyncio.TimeoutError, IndexError):
        return 0, time.perf_counter() - began


def bodies() -> list[bytes]:
    return [json.dumps({"text": text}).encode() for text in TEXTS]


Made = tuple[
    list[tuple[int, float]], float
]  # what `request` gave, and the seconds until the last of it was there


async def closed(port: int, clients: int, seconds: float) -> Made:
    """Each client asks again as soon as it has its answer."""
    began = time.perf_counter()
    ends, made, texts = began + seconds, [], bodies()

    async def client(number: int) -> None:
        i = number
        while time.perf_counter() < ends:
            made.append(await request(port, texts[i % len(texts)]))
            i += clients

    await asyncio.gather(*map(client, range(clients)))
    return made, time.perf_counter() - began


async def opened(port: int, rate: float, seconds: float) -> Made:
    """So many requests a second, whatever becomes of those before."""
    texts, tasks, began = bodies(), [], time.perf_counter()
    for i in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + i / rate - time.perf_counter()))
        tasks.append(asyncio.ensure_future(request(port, texts[i % len(texts)])))
    made = list(await asyncio.gather(*tasks))
    return made, time.perf_counter() - began


def summary(made: list[tuple[int, float]], seconds: float) -> dict[str, Any]:
    """Latency in ms of what was answered with 200, and the statuses. seconds: until the last answer was there."""
    times = np.array([took for status, took in made if status == 200]) * 1000
    points = np.percentile(times, [50, 95, 99]).round(1).tolist() if len(times) else [None] * 3
    statuses = Counter(status for status, _ in made)
    return {
        "answered_a_second": round(len(times) / seconds, 1),
        **dict(zip(("p50_ms", "p95_ms", "p99_ms"), points, strict=True)),
        "statuses": {str(status): count for status, count in sorted(statuses.items())},
    }


class Watched:
    """A service's process and what it takes."""

    def __init__(self, command: list[str], port: int) -> None:
        self.process = subprocess.Popen(command)
        self.port = port
        ends = time.monotonic() + 300
        while asyncio.run(request(port, bodies()[0]))[0] != 200:
            if self.process.poll() is not None or time.monotonic() > ends:
                self.process.kill()
                raise NotMeasured("it does not serve; its last lines are above")
            time.sleep(0.5)

    def every(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def cpu(self) -> float:
        times = [each.cpu_times() for each in self.every()]
        return sum(each.user + each.system for each in times)

    def mib(self) -> float:
        return round(sum(each.memory_info().rss for each in self.every()) / 2**20)

    def stop(self) -> None:
        every = self.every()
        self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            for each in every:
                if each.is_running():
                    each.kill()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    port = free_port()
    if name == "cloudner":
        words = ["-c", "from cloudner.cli import main; main()", "serve", args.model, "--port", str(port)]
    else:
        words = ["-m", "benchmarks.serve_peers", name, args.encoder, str(port)]
    service = Watched([sys.executable, *words], port)
    try:
        asyncio.run(closed(port, args.clients, min(3.0, args.seconds)))  # warm
        before = service.cpu()
        made, took = asyncio.run(closed(port, args.clients, args.seconds))
        result = summary(made, took)
        result["cpu_ms_a_request"] = round((service.cpu() - before) / len(made) * 1000, 2)
        result["processes"], result["mib"] = len(service.every()), service.mib()
        if name == "cloudner" and args.overload:
            rate = result["answered_a_second"] * args.overload
            late = asyncio.run(opened(port, rate, args.seconds))
            result["overload"] = {"offered_a_second": round(rate, 1), **summary(*late), "mib": service.mib()}
        return result
    finally:
        service.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", required=True, help="a pipeline's folder")
    parser.add_argument("--encoder", help="for --peer: an encoder's folder")
    parser.add_argument("--peer", action="append", default=[], choices=["pipeline", "litserve"])
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--overload", type=float, default=3.0, help="times the rate of the closed loop; 0: none"
    )
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.peer and not args.encoder:
        parser.error("--peer needs --encoder")
    made: dict[str, Any] = {"machine": machine("cpu"), "versions": versions(), "clients": args.clients}
    for name in ("cloudner", *args.peer):
        try:
            made[name] = measure(name, args)
        except NotMeasured as reason:  # the rows of the others stay
            made[name] = {"not_measured": str(reason)}
        print(name, json.dumps(made[name]), flush=True)
        if args.json:
            args.json.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
