"""What a service tells Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from cloudner.serving.queue import TextQueue

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_PIECES = (16, 64, 256, 1024, 2048, 4096, 8192, 32768, 131072)


class Metrics:
    """One per process; with several worker processes they add up in the folder PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
        if not self.several:
            ProcessCollector(registry=self.registry)  # memory and CPU time
            PlatformCollector(registry=self.registry)
        model: dict[str, Any] = {"labelnames": ("model",), "registry": self.registry}
        self.requests = Counter(
            "cloudner_requests", "Requests answered, by status", ("path", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "cloudner_request_seconds",
            "From a request's head to the end of its answer",
            ("path",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.texts = Counter(
            "cloudner_texts", "Texts taken, by what became of them", ("model", "outcome"), registry=self.registry
        )  # fmt: skip
        self.entities = Counter("cloudner_entities", "Entities found", **model)
        self.batch_texts = Histogram(
            "cloudner_batch_texts", "Texts computed at once", buckets=_TEXTS, **model
        )
        self.batch_pieces = Histogram(
            "cloudner_batch_pieces", "Word pieces, estimated, computed at once", buckets=_PIECES, **model
        )
        self.wait = Histogram(
            "cloudner_wait_seconds", "A text's time in the queue", buckets=_SECONDS, **model
        )
        self.compute = Histogram("cloudner_compute_seconds", "A batch's time", buckets=_SECONDS, **model)
        self.no_memory = Counter("cloudner_out_of_memory", "Batches halved because memory ran out", **model)
        self.queue_texts = self._gauge("cloudner_queue_texts", "Texts that wait", ("model",))
        self.queue_pieces = self._gauge("cloudner_queue_pieces", "Word pieces that wait, estimated", ("model",))  # fmt: skip
        self.bodies = self._gauge("cloudner_bodies_bytes", "Bytes of the request bodies held", ())
        self.gpu = self._gauge("cloudner_gpu_memory_bytes", "Memory torch holds on the device", ())

    def _gauge(self, name: str, said: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, said, labels, registry=self.registry, multiprocess_mode="livesum")

    def refresh(self, model: str, queue: TextQueue) -> None:
        """What waits now."""
        self.queue_texts.labels(model).set(queue.texts)
        self.queue_pieces.labels(model).set(queue.pieces)

    def text(self) -> bytes:
        """In Prometheus's format, of all worker processes."""
        self.gpu.set(_gpu_memory())
        registry = self.registry
        if self.several:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)


def _gpu_memory() -> int:
    import torch

    read: Callable[[], int] = torch.cuda.memory_reserved
    return int(read()) if torch.cuda.is_available() else 0
