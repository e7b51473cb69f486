"""A real server on a free port, in a thread, around a small pipeline that knows its texts by heart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from spacy.language import Language
from spacy.util import minibatch

from browsing import browser  # noqa: F401  a fixture

pytest.importorskip("fastapi", reason="needs the extra cloudner[serve]")
pytest.importorskip("uvicorn", reason="needs the extra cloudner[serve]")
pytest.importorskip("prometheus_client", reason="needs the extra cloudner[serve]")
httpx = pytest.importorskip("httpx", reason="httpx is not installed")

SEEN: list[str] = []  # texts that reached the pipeline `trying`


class Trying:
    """A component that writes down each text, and is slow, fails or runs out of memory where the text says so."""

    def __call__(self, doc: Any) -> Any:
        return next(self.pipe([doc]))

    def pipe(self, stream: Any, batch_size: int = 128) -> Iterator[Any]:
        for docs in minibatch(stream, batch_size):
            docs = list(docs)
            SEEN.extend(doc.text for doc in docs)
            if len(docs) > 2 and any("HEAVY" in doc.text for doc in docs):
                raise MemoryError
            for doc in docs:
                if doc.text.startswith("SLOW"):  # so many tenths of a second
                    time.sleep(int(doc[0].text[4:] or 3) / 10)
                if "BOOM" in doc.text:
                    raise RuntimeError(f"secret: {doc.text}")
            yield from docs


@Language.factory("trying_for_tests")
def make_trying(nlp, name):  # type: ignore[no-untyped-def]  # an older spaCy resolves annotations, which are texts here
    return Trying()


@pytest.fixture(scope="session")
def trying_folder(trained_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained pipeline, with `Trying` in front."""
    import spacy

    nlp = spacy.load(trained_folder)
    nlp.add_pipe("trying_for_tests", first=True)
    folder = tmp_path_factory.mktemp("trying") / "pipeline"
    nlp.to_disk(folder)
    return folder


@dataclass
class Running:
    """A server: its address, its service, and a client."""

    url: str
    service: Any
    server: Any
    client: Any

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def post(self, text: Any, **more: Any) -> Any:
        return self.client.post("/v1/entities", json={"text": text, **more})

    def figure(self, name: str) -> float:
        """A metric's sum over its labels."""
        lines = self.client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith((name + "{", name + " ")))

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        ends = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < ends, "it did not happen"
            time.sleep(0.01)


@contextmanager
def running(place: Path | str, *, limits: dict[str, Any] | None = None, **settings: Any) -> Iterator[Running]:
    """A server of this pipeline; it has ended, and answered what it took in, when this returns."""
    from cloudner.serving.in_thread import serve_in_thread
    from cloudner.serving.settings import Limits, ServiceSettings

    asked = ServiceSettings(
        **{"models": ((None, str(place)),), "device": "cpu", "limits": Limits(**(limits or {})), **settings}
    )
    with (
        serve_in_thread(asked) as made,
        httpx.Client(base_url=made.url, timeout=60, trust_env=False) as client,
    ):
        yield Running(made.url, made.service, made.server, client)


@pytest.fixture(scope="module")
def served(trained_folder: Path) -> Iterator[Running]:
    """The trained pipeline with the limits as they are."""
    with running(trained_folder) as made:
        yield made
