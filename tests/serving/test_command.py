"""`cloudner serve` as a command: what it refuses, and processes that start, die and end."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from cloudner.errors import ConfigError, InputError
from cloudner.serving.settings import Limits, ServiceSettings, parse_model, read_tokens

from .conftest import httpx
from .test_service import ADA, FOUND, read_all, spans

# A connection a request: the client's own would be kept by one of several processes.
CLIENT = httpx.Client(trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
TOKEN = "a-token-of-twenty-chars"


def invoke(*words: object) -> Any:
    from cloudner.cli import app

    return CliRunner().invoke(app, ["serve", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no/such/model"], "no folder and no installed pipeline package"),
        (["a b=no/such/model"], "expected NAME=MODEL"),
        (["x", "--max-batch", "0"], "--max-batch 0"),
        (["x", "--timeout", "0"], "--timeout 0"),
        (["x", "--wait-ms", "-1"], "--wait-ms -1"),
        (["x", "--max-texts", "20", "--queue-texts", "10"], "try: --queue-texts 20"),
        (["x", "--token-file", "no/such/file"], "cannot read the tokens"),
        (["x", "--host", "no.such.host.invalid", "--port", "0"], "cannot listen on no.such.host.invalid:0"),
        (["x", "--retrain", "make train"], "--token-file"),
        (["x", "--cors", "example.org"], "--cors example.org; expected an origin as browsers send it"),
        (["x", "--cors", "https://example.org/"], "--cors https://example.org/; expected an origin"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_line(words: list[str], said: str) -> None:
    result = invoke(*words, *([] if "--port" in words else ["--port", "0"]))
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("cloudner: ")
    assert said in line


def test_a_port_that_is_taken(trained_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = invoke(trained_folder, "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    assert "Address already in use" in result.stderr


def test_one_name_for_two_models(trained_folder: Path) -> None:
    result = invoke(f"a={trained_folder}", f"a={trained_folder}", "--port", 0)
    assert (result.exit_code, "two models called 'a'" in result.stderr) == (1, True)


def test_without_the_extra_one_line_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else found(name))
    result = invoke("x")
    assert result.exit_code == 1
    assert result.stderr.strip() == 'cloudner: not installed: uvicorn; try: pip install "cloudner[serve]"'


def test_names_of_models(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    assert parse_model(str(tmp_path / "a=b")) == (None, str(tmp_path / "a=b"))
    assert parse_model("news=models/a=b") == ("news", "models/a=b")
    assert parse_model("en_pipeline") == (None, "en_pipeline")
    for wrong in ("=x", "x=", "a/b=c"):
        with pytest.raises(ConfigError, match="NAME=MODEL"):
            parse_model(wrong)


def test_tokens_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# of the team\n{TOKEN}\n\n  {TOKEN}2  \n")
    assert read_tokens(path) == (TOKEN, TOKEN + "2")
    path.write_text(f"{TOKEN}\r\n", encoding="utf-8-sig")  # as an editor of Windows saves it
    assert read_tokens(path) == (TOKEN,)
    for text, said in (("", "no token"), ("# only\n", "no token"), (f"{TOKEN}\nshort\n", ":2: a token of 5")):
        path.write_text(text)
        with pytest.raises(InputError, match=said) as raised:
            read_tokens(path)
        assert "short" not in str(raised.value)


def test_settings_go_to_other_processes_whole() -> None:
    asked = ServiceSettings(
        models=(("a", "b"), (None, "c")),
        tokens=(TOKEN,),
        cors=("https://a.example",),
        limits=Limits(max_batch=3),
    )
    assert ServiceSettings.from_json(asked.to_json()) == asked


@contextmanager
def command(*words: object, wait: bool = True) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; without waiting, none."""
    arguments = [sys.executable, "-c", "from cloudner.cli import main; main()", "serve", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        if not wait:
            yield process, ""
            return
        line = process.stdout.readline()
        found = re.match(r"(http://127\.0\.0\.1:\d+)", line)
        assert found, line + (process.stderr.read() if process.stderr else "")
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def until_ready(url: str) -> None:
    ends = time.monotonic() + 120
    while time.monotonic() < ends:
        try:
            if CLIENT.get(f"{url}/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("not ready")


def figure(url: str, name: str, headers: dict[str, str]) -> float:
    text = CLIENT.get(f"{url}/metrics", headers=headers).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.slow
def test_sigterm_under_load_loses_nothing_accepted(trained_folder: Path, tmp_path: Path) -> None:
    """Three hundred requests wait when the signal comes: each gets its answer, and the process ends with 0."""
    (tmp_path / "tokens").write_text(TOKEN)
    head = (
        f"POST /v1/entities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    bearer = {"authorization": f"Bearer {TOKEN}"}
    words = (trained_folder, "--token-file", tmp_path / "tokens", "--max-batch", 2, "--timeout", 150)
    with command(*words) as (process, url):
        until_ready(url)
        assert CLIENT.post(f"{url}/v1/entities", json={"text": ADA}).status_code == 401
        body = json.dumps({"text": ADA + " word" * 100}).encode()
        port = int(url.rpartition(":")[2])
        connections = []
        for _ in range(300):
            connection = socket.create_connection(("127.0.0.1", port), timeout=200)
            connection.sendall(head.encode() + str(len(body)).encode() + b"\r\n\r\n" + body)
            connections.append(connection)
        while figure(url, "cloudner_bodies_bytes", bearer) + figure(
            url, 'cloudner_requests_total{path="/v1/entities",status="200"}', bearer
        ) * len(body) < 300 * len(body):
            time.sleep(0.05)
        assert figure(url, "cloudner_queue_texts", bearer) > 0
        process.send_signal(signal.SIGTERM)
        answers = [read_all(connection) for connection in connections]
        assert process.wait(200) == 0
    assert {answer[:13] for answer in answers} == {b"HTTP/1.1 200 "}
    for answer in answers:
        assert spans(json.loads(answer.partition(b"\r\n\r\n")[2])["entities"])[:2] == FOUND


@pytest.mark.slow
def test_several_processes_one_of_which_dies(trained_folder: Path) -> None:
    with command(trained_folder, "--workers", 2, "--timeout", 20) as (process, url):
        until_ready(url)
        time.sleep(5)  # one that dies as it starts ends the service
        until_ready(url)

        def workers() -> list[psutil.Process]:
            found = []
            for child in psutil.Process(process.pid).children():
                with contextlib.suppress(psutil.NoSuchProcess):  # one that has just died
                    found += [child] if "spawn_main" in " ".join(child.cmdline()) else []
            return found

        assert len(workers()) == 2
        for _ in range(20):
            answer = CLIENT.post(f"{url}/v1/entities", json={"text": ADA})
            assert spans(answer.json()["entities"]) == FOUND
        assert figure(url, "cloudner_entities_total", {}) >= 40  # of both, whoever answers
        dead = workers()[0]
        dead.kill()
        ends = time.monotonic() + 30
        while dead.pid in {w.pid for w in workers()} or len(workers()) < 2:
            assert time.monotonic() < ends
            time.sleep(0.1)
        until_ready(url)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


CODE = """
import spacy

@spacy.registry.callbacks("tests.served_code.v1")
def make():
    return lambda nlp: nlp
"""


@pytest.mark.slow
def test_each_process_imports_the_code(trained_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained_folder, tmp_path / "pipeline")
    config = (folder / "config.cfg").read_text()
    named = '\n[nlp.after_creation]\n@callbacks = "tests.served_code.v1"\n'
    (folder / "config.cfg").write_text(config.replace("after_creation = null\n", "") + named)
    (tmp_path / "functions.py").write_text(CODE)
    assert "tests.served_code.v1" in invoke(folder, "--port", 0).stderr
    with command(folder, "--workers", 2, "--code", tmp_path / "functions.py") as (process, url):
        until_ready(url)
        answer = CLIENT.post(f"{url}/v1/entities", json={"text": ADA})
        assert spans(answer.json()["entities"]) == FOUND
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 4.0])
def test_a_stop_signal_while_it_loads(trained_folder: Path, workers: int, seconds: float) -> None:
    with command(trained_folder, "--workers", workers, wait=False) as (process, _):
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
        process.wait(20)


SLOW_TO_END = """
    import signal, socket, sys, time
    from cloudner.serving.workers import Workers

    def answers_what_it_has(listening):
        def end(number, frame):
            listening.close()
            print("ending", flush=True)
            time.sleep(30)

        signal.signal(signal.SIGTERM, end)
        print("begun", flush=True)
        time.sleep(600)

    if __name__ == "__main__":
        listening = socket.create_server(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)
        Workers(answers_what_it_has, (), listening).run(1)
"""


def test_while_a_process_ends_nobody_can_connect(tmp_path: Path) -> None:
    """The first process kept the socket open: clients connected, sent their request and were cut off at the end."""
    (tmp_path / "parent.py").write_text(textwrap.dedent(SLOW_TO_END))
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        assert process.stdout.readline() == "begun\n"
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ending\n"
        time.sleep(1)  # the first process closes it just after it has told the others
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
    finally:
        for each in psutil.Process(process.pid).children():
            each.kill()
        process.kill()
        process.wait()
