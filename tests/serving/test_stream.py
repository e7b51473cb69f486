"""`POST /v1/stream`: every line comes back, in order, whatever the pace of the client."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .conftest import SEEN, Running, running
from .test_service import ADA, FOUND, check_equal, make_texts, spans

HEAD = (
    b"POST /v1/stream%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)


class Client:
    """A client that sends and reads when it likes, on one connection."""

    def __init__(self, made: Running, query: bytes = b"") -> None:
        self.socket = socket.create_connection(("127.0.0.1", made.port), timeout=30)
        self.socket.sendall(HEAD % query)
        self._file: Any = None

    def send(self, data: bytes) -> None:
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    def body(self) -> Iterator[bytes]:
        """The lines of the answer."""
        self._file = self._file or self.socket.makefile("rb")
        assert self._file.readline().startswith(b"HTTP/1.1 200")
        while self._file.readline() != b"\r\n":
            pass
        rest = b""
        while size := int(self._file.readline(), 16):
            *lines, rest = (rest + self._file.read(size)).split(b"\n")
            self._file.readline()
            yield from lines
        assert rest == b""

    def answers(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body()]

    def close(self) -> None:
        if self._file:
            self._file.close()
        self.socket.close()


@contextmanager
def client(made: Running, query: bytes = b"") -> Iterator[Client]:
    opened = Client(made, query)
    try:
        yield opened
    finally:
        opened.close()


def lines(texts: list[str]) -> bytes:
    return b"".join(json.dumps({"id": f"n{i}", "text": t}).encode() + b"\n" for i, t in enumerate(texts))


def test_every_line_comes_back_in_order(served: Running, trained: Any) -> None:
    texts = make_texts(300)
    with client(served) as opened:
        reading: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: reading.extend(opened.answers()))
        thread.start()
        opened.send(lines(texts))
        opened.end()
        thread.join(30)
    assert [(a["line"], a["id"]) for a in reading] == [(i + 1, f"n{i}") for i in range(300)]
    check_equal(trained, texts, [answer["entities"] for answer in reading])


def test_slow_chunks_that_cut_lines_and_characters(served: Running) -> None:
    data = lines([ADA, "北京 🙂", ADA]).replace(b"\\u5317", "北".encode())
    with client(served) as opened:
        answers = opened.body()
        first = data.index(b"\n") + 1
        opened.send(data[:first])
        assert spans(json.loads(next(answers))["entities"]) == FOUND  # while the request goes on
        for i in range(first, len(data) - 1, 7):
            opened.send(data[i : min(i + 7, len(data) - 1)])
            time.sleep(0.002)
        opened.end()  # the last line has no line end
        assert [json.loads(line)["line"] for line in answers] == [2, 3]


def test_a_client_that_reads_when_it_has_sent_all(served: Running) -> None:
    ids = [f"n{i} " + "x" * 4000 for i in range(1000)]
    answer = served.client.post(  # httpx reads nothing before it has sent the body
        "/v1/stream",
        content=b"".join(json.dumps({"id": each, "text": "Apple"}).encode() + b"\n" for each in ids),
        headers={"content-type": "application/x-ndjson"},
    )
    got = [json.loads(line) for line in answer.text.splitlines()]
    assert [each["id"] for each in got] == ids
    assert all("entities" in each for each in got)


def test_more_than_the_buffer_unread_is_one_error_and_no_deadlock(trained_folder: Path) -> None:
    limits = {"max_body_mb": 0.02, "timeout": 1.0}
    with running(trained_folder, limits=limits) as made, client(made) as opened:
        number = 1500
        for i in range(number):  # more than the kernel and the service keep
            opened.send(json.dumps({"id": f"n{i} " + "x" * 15_000, "text": "Apple"}).encode() + b"\n")
        opened.end()
        time.sleep(1.5 * limits["timeout"])  # where all was sent at once, reading would begin in time
        answers = opened.answers()
    *good, last = answers
    assert last["code"] == "not_read"
    assert [a["id"].split()[0] for a in good] == [f"n{i}" for i in range(len(good))]
    assert f"from line {len(good) + 1} on were not read" in last["error"]
    assert 0 < len(good) < number


def test_bad_lines_are_answered_in_their_place(served: Running) -> None:
    bad = [
        b"{", b"[1]", b'{"text": 1}', b'{"text": "a", "other": 1}', b'{"text": "\\ud800"}', b"\xff", b"[" * 5000,
        b'{"text": "a", "threshold": 2}', b'{"text": "a", "threshold": true}',
        b'{"text": "a", "model": "none"}', b'{"text": "' + b"x" * 100_001 + b'"}',
    ]  # fmt: skip
    good = json.dumps({"text": ADA}).encode()
    with client(served) as opened:
        opened.send(b"\n".join([good, b"", *bad, b"  ", good]))
        opened.end()
        answers = opened.answers()
    assert [answer["line"] for answer in answers] == list(range(1, len(bad) + 3))
    assert spans(answers[0]["entities"]) == spans(answers[-1]["entities"]) == FOUND
    codes = [answer["code"] for answer in answers[1:-1]]
    assert codes == ["invalid"] * 9 + ["no_such_model", "text_too_long"]
    assert max(len(json.dumps(answer)) for answer in answers[1:-1]) < 400


def test_a_bad_line_keeps_its_id_and_says_what_was_expected(served: Running) -> None:
    bad = [
        b'{"id": 7, "txt": "a"}',
        b'{"id": "x", "text": 1}',
        b'{"id": [1], "text": 1}',
        b'{"id": 7, "text": "a',
    ]
    with client(served) as opened:
        opened.send(b"\n".join(bad))
        opened.end()
        answers = opened.answers()
    assert [answer.get("id") for answer in answers] == [7, "x", None, None]
    assert answers[0]["error"].startswith("text: missing; expected a text; txt: no such key; expected")
    assert answers[1]["error"] == "text: expected a text"
    assert answers[3]["error"].startswith("not JSON: EOF")


def test_a_byte_order_mark_in_front_is_no_part_of_the_first_line(served: Running) -> None:
    with client(served) as opened:
        opened.send(b"\xef\xbb\xbf" + lines([ADA, ADA]))
        opened.end()
        answers = opened.answers()
    assert [spans(answer["entities"]) for answer in answers] == [FOUND, FOUND]


def test_the_threshold_of_the_stream_and_of_a_line(served: Running) -> None:
    with client(served, b"?threshold=1") as opened:
        opened.send(json.dumps({"text": ADA}).encode() + b"\n")
        opened.send(json.dumps({"text": ADA, "threshold": 0}).encode() + b"\n")
        opened.end()
        assert [len(answer["entities"]) for answer in opened.answers()] == [0, 2]


@pytest.mark.parametrize("query", ["threshold=2", "threshold=x", "other=1", "model=none"])
def test_wrong_parameters_are_refused(served: Running, query: str) -> None:
    answer = served.client.post(
        f"/v1/stream?{query}", content=b"", headers={"content-type": "application/x-ndjson"}
    )
    assert answer.status_code in (404, 422)
    assert set(answer.json()) == {"error", "code"}


def test_a_line_without_end_and_a_silent_client(trained_folder: Path) -> None:
    with running(trained_folder, limits={"max_body_mb": 0.01, "timeout": 0.7}) as made:
        with client(made) as opened:
            opened.send(b'{"text": "' + b"x" * 20_000)
            (only,) = opened.answers()
            assert only["code"] == "line_too_long"
        with client(made) as opened:
            opened.send(lines([ADA]))
            first, last = opened.answers()
            assert spans(first["entities"]) == FOUND
            assert (last["code"], last["error"]) == ("idle", "no line for 0.7 s; 1 lines were taken")


def test_a_full_queue_holds_the_stream_back(trying_folder: Path) -> None:
    limits = {"queue_texts": 4, "max_texts": 4, "max_batch": 2}
    with running(trying_folder, limits=limits) as made, client(made) as opened:
        opened.send(lines([f"SLOW0 {i}" for i in range(60)]))
        opened.end()
        answers = opened.answers()
        assert [answer["line"] for answer in answers] == list(range(1, 61))
        assert all("entities" in answer for answer in answers)


def test_a_client_that_leaves_a_stream(trying_folder: Path) -> None:
    with running(trying_folder, limits={"max_batch": 1, "wait_ms": 0}) as made:
        opened = Client(made)
        opened.send(lines([f"SLOW1 leaving {i}" for i in range(40)]))
        made.until(lambda: "SLOW1 leaving 0" in SEEN)
        opened.close()
        made.until(lambda: made.service.models["xx_pipeline"].batcher.queue.texts == 0)
        assert made.post(ADA).status_code == 200
        assert len([text for text in SEEN if text.startswith("SLOW1 leaving")]) < 10


def test_the_end_of_the_service_answers_the_lines_taken(trying_folder: Path) -> None:
    with running(trying_folder, limits={"max_batch": 1, "wait_ms": 0}) as made, client(made) as opened:
        opened.send(lines([f"SLOW1 ending {i}" for i in range(5)]))
        made.until(lambda: "SLOW1 ending 0" in SEEN)
        made.server.should_exit = True
        *good, last = opened.answers()
        assert ["entities" in answer for answer in good] == [True] * 5
        assert (last["code"], last["error"]) == ("stopping", "the service is stopping; 5 lines were taken")


def test_a_client_that_never_reads_gives_its_place_back(
    trained_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudner.serving.stream.STREAMS", 1)
    monkeypatch.setattr("cloudner.serving.exchange._PATIENCE", 0.0)
    limits = {"max_body_mb": 0.02, "timeout": 0.3}
    with running(trained_folder, limits=limits) as made, client(made) as deaf:

        def send() -> None:
            line = json.dumps({"id": "x" * 15_000, "text": "Apple"}).encode() + b"\n"
            try:
                for _ in range(3000):  # more than the kernel and the service keep
                    deaf.send(line)
            except OSError:  # the connection is cut
                pass

        sending = threading.Thread(target=send)
        sending.start()
        made.until(lambda: again(made) == 429)
        made.until(lambda: again(made) == 200, seconds=20)
        sending.join(20)
        assert not sending.is_alive()


def again(made: Running) -> int:
    head = {"content-type": "application/x-ndjson"}
    return int(made.client.post("/v1/stream", content=b'{"text": "Apple"}\n', headers=head).status_code)


def test_bytes_without_a_line_keep_no_stream_open(trained_folder: Path) -> None:
    with running(trained_folder, limits={"timeout": 0.5}) as made, client(made) as opened:
        started = time.monotonic()

        def drip() -> None:
            try:
                while time.monotonic() - started < 15:
                    opened.send(b" ")
                    time.sleep(0.1)
            except OSError:
                pass

        dripping = threading.Thread(target=drip)
        dripping.start()
        (last,) = opened.answers()
        assert last["code"] == "idle"
        assert time.monotonic() - started < 10
        opened.close()
        dripping.join()


def test_a_client_that_always_has_more_is_told_that_the_service_stops(trying_folder: Path) -> None:
    with running(trying_folder, limits={"timeout": 20}) as made, client(made) as opened:
        answers: list[dict[str, Any]] = []
        reading = threading.Thread(target=lambda: answers.extend(opened.answers()))
        reading.start()
        ends = time.monotonic() + 15
        stopped = None
        try:
            for number in range(100_000):
                opened.send(lines([f"busy {number} {i}" for i in range(20)]))
                if number == 20:
                    made.server.should_exit, stopped = True, time.monotonic()
                if not reading.is_alive() or time.monotonic() > ends:
                    break
        except OSError:
            pass
        reading.join(20)
        assert stopped is not None
        assert time.monotonic() - stopped < 10
        assert answers[-1]["code"] == "stopping"
        assert f"{len(answers) - 1} lines were taken" in answers[-1]["error"]


@pytest.mark.parametrize("number", ["1e400", "NaN", "-Infinity"])
def test_a_number_that_json_has_not_is_no_id(served: Running, number: str) -> None:
    with client(served) as opened:
        opened.send(b'{"text": "Apple", "id": %s}\n' % number.encode())
        opened.end()
        (line,) = opened.body()

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(line, parse_constant=refuse)["code"] == "invalid"
