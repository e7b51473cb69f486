"""The service over HTTP: answers equal to `nlp.pipe`, limits, deadlines, clients that leave, the end."""

from __future__ import annotations

import base64
import gzip
import json
import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import spacy

import tiny

from .conftest import SEEN, Running, running

ADA = "Marie Curie lived in Paris."
FOUND = [(0, 11, "PER"), (21, 26, "LOC")]


def spans(entities: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
    return [(e["start"], e["end"], e["label"]) for e in entities]


def check_equal(nlp: Any, texts: list[str], answers: list[list[dict[str, Any]]]) -> None:
    for doc, entities in zip(nlp.pipe(texts), answers, strict=True):
        assert spans(entities) == [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        assert [e["text"] for e in entities] == [e.text for e in doc.ents]
        for ent, entity in zip(doc.ents, entities, strict=True):
            assert abs(entity["confidence"] - ent._.confidence) < 1e-4


def make_texts(number: int) -> list[str]:
    """Of one to three hundred words."""
    rng = random.Random(0)
    words = " ".join(text for text, _ in tiny.DATA).split() + tiny.TEXT[7].split() + ["北京", "🙂", "\n"]
    return [" ".join(rng.choices(words, k=rng.choice([1, 5, 12, 30, 150]))) for _ in range(number)]


def test_one_text_and_a_list(served: Running) -> None:
    answer = served.post(ADA)
    assert answer.status_code == 200
    assert spans(answer.json()["entities"]) == FOUND
    several = served.post([ADA, "", "no entity stands here", "  "]).json()["results"]
    assert [spans(each["entities"]) for each in several] == [FOUND, [], [], []]
    assert served.post([]).json()["results"] == []


def test_concurrent_texts_equal_pipe(served: Running, trained: Any) -> None:
    texts = make_texts(260)
    with ThreadPoolExecutor(16) as pool:
        singles = list(pool.map(lambda text: served.post(text).json()["entities"], texts[:200]))
        lists = list(
            pool.map(lambda i: served.post(texts[i : i + 10]).json()["results"], range(200, 260, 10))
        )
    check_equal(trained, texts, singles + [each["entities"] for part in lists for each in part])
    assert served.figure("cloudner_batch_texts_sum") > 1.5 * served.figure("cloudner_batch_texts_count")


@pytest.mark.slow
def test_a_thousand_concurrent_texts_equal_pipe(served: Running, trained: Any) -> None:
    texts = make_texts(1000)
    parts = [texts[i : i + 20] for i in range(0, 1000, 20)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda part: served.post(part), parts))
    assert {answer.status_code for answer in answers} == {200}
    check_equal(trained, texts, [each["entities"] for answer in answers for each in answer.json()["results"]])


def test_a_threshold_leaves_out_what_is_below(served: Running) -> None:
    every = served.post(ADA).json()["entities"]
    highest = max(entity["confidence"] for entity in every)
    kept = served.post(ADA, threshold=highest).json()["entities"]
    assert [e["confidence"] for e in kept] == [highest]
    assert served.post(ADA, threshold=1.0).json()["entities"] == []


def test_models_and_their_names(trained_folder: Path) -> None:
    place = str(trained_folder)
    with running(place, models=(("one", place), ("two", place))) as made:
        listed = made.client.get("/v1/models").json()
        assert [each["name"] for each in listed["models"]] == ["one", "two"]
        assert listed["models"][0]["labels"] == sorted(tiny.LABELS)
        assert made.post(ADA).json()["model"] == "one"
        assert made.post(ADA, model="two").json()["model"] == "two"
        refused = made.post(ADA, model="three")
        assert (refused.status_code, refused.json()["code"]) == (404, "no_such_model")


def test_the_client_of_hugging_face_understands_the_answer(served: Running) -> None:
    from huggingface_hub import TokenClassificationOutputElement

    answer = served.client.post("/v1/entities?format=hf", json={"inputs": ADA})
    found = TokenClassificationOutputElement.parse_obj_as_list(answer.json())  # as the client reads it
    assert [(e.start, e.end, e.entity_group, e.word) for e in found] == [
        (0, 11, "PER", "Marie Curie"),
        (21, 26, "LOC", "Paris"),
    ]
    assert all(0.5 < entity.score <= 1 for entity in found)
    body = {"inputs": [ADA, "x y"], "parameters": {"ignore_labels": ["PER", "ORG"]}}
    lists = served.client.post("/v1/entities?format=hf", json=body).json()
    assert [e["entity_group"] for e in lists[0]] == ["LOC"]
    assert len(lists) == 2
    asked = {"inputs": ADA, "parameters": {"aggregation_strategy": "none"}}
    assert served.client.post("/v1/entities?format=hf", json=asked).status_code == 422


HOSTILE = {
    "nothing": b"",
    "no object": b"[1, 2]",
    "half": b'{"text": "a',
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "half a pair": b'{"text": "\\ud800"}',
    "half a pair in a list": b'{"text": ["a", "\\udfff b"]}',
    "half a pair as a key": b'{"text": "a", "\\ud800": 1}',
    "deep": b"[" * 100_000,
    "deep in an object": b'{"text": ' + b"[" * 100_000,
    "null": b'{"text": null}',
    "a number": b'{"text": 5}',
    "numbers": b'{"text": [1, 2]}',
    "both": b'{"text": "a", "inputs": "b"}',
    "a threshold above": b'{"text": "a", "threshold": 1.5}',
    "a threshold NaN": b'{"text": "a", "threshold": NaN}',
    "a threshold of many digits": b'{"text": "a", "threshold": ' + b"9" * 5000 + b"}",
    "a misspelt key": b'{"text": "a", "treshold": 0.5}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_in_one_line_and_not_echoed(served: Running, name: str) -> None:
    answer = served.client.post(
        "/v1/entities", content=HOSTILE[name], headers={"content-type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("invalid", "not_unicode", "no_text")
    assert len(answer.content) < 400
    assert "\n" not in answer.json()["error"]
    assert served.post(ADA).status_code == 200


TOLD = {
    b'{"txt": 1}': "txt: no such key; expected `text` (a text or a list of texts), `model` (a name of /v1/models), "
    "`threshold` (a number from 0 to 1)",
    b'{"text": 5}': "text: expected a text or a list of texts",
    b'{"text": ["a", 5, null]}': "text: expected a text or a list of texts; text 1: expected a text; text 2: expected a text",
    b'{"text": "a", "threshold": 2}': "threshold: expected a number from 0 to 1",
    b'{"text": "a", "threshold": true}': "threshold: expected a number from 0 to 1",
    b'["a"]': "expected an object with `text`: a text or a list of texts",
    b"": "expected an object with `text`: a text or a list of texts",
    b'{"text": a}': "the body is not JSON: Expecting value at character 9",
    b'{"text": "\xff"}': "the body is not UTF-8",
    b'{"text": ' + b"[" * 100_000: "the body is nested too deeply",
}  # fmt: skip


@pytest.mark.parametrize("number", range(len(TOLD)))
def test_a_refusal_says_what_was_expected(served: Running, number: int) -> None:
    body = list(TOLD)[number]
    answer = served.client.post("/v1/entities", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (422, {"error": TOLD[body], "code": "invalid"})


def test_what_is_not_read_is_refused_and_not_passed_over(served: Running) -> None:
    client, body = served.client, {"text": ADA}
    for asked in ("threshold=1", "model=nosuch", "format=hf&threshold=1"):
        answer = client.post(f"/v1/entities?{asked}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), asked
    for path in ("/v1/entities", "/v1/stream"):
        kind = "application/json" if path == "/v1/entities" else "application/x-ndjson"
        headers = {"content-type": kind, "content-encoding": "gzip"}
        answer = client.post(path, content=gzip.compress(json.dumps(body).encode()), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (415, "encoded")


def test_methods(served: Running) -> None:
    for path in ("/live", "/ready", "/", "/health"):
        head, get = served.client.head(path), served.client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))
    for method in ("GET", "HEAD", "PUT", "DELETE", "BREW"):
        assert served.client.request(method, "/v1/entities").status_code == 405


def test_the_description_fits_the_answers(served: Running) -> None:
    """Answers as they come, by the schemas of /openapi.json."""
    jsonschema = pytest.importorskip("jsonschema")
    described = served.client.get("/openapi.json").json()
    assert "HTTPValidationError" not in described["components"]["schemas"]

    def fits(path: str, body: Any, **asked: Any) -> None:
        answer = served.client.post(path, json=body, params=asked)
        responses = described["paths"][path]["post"]["responses"]
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        jsonschema.validate(answer.json(), {**schema, "components": described["components"]})

    for text in (ADA, [ADA, ""], [], 5):
        fits("/v1/entities", {"text": text})
        fits("/v1/entities", {"text": text}, format="hf")
    fits("/v1/entities", {"text": "a", "model": "nosuch"})
    for path in ("/setup", "/predict", "/webhook", "/train"):
        fits(path, [])


def test_characters_that_are_odd_but_sound_are_computed(served: Running) -> None:
    for text in (
        "\x00\x01",
        "\u202e" * 50,
        "e" + "\u0301" * 2000,
        "🙂" * 500,
        "\u200b",
        "a" * 20_000,
        "﷽" * 100,
    ):
        assert served.post(text).status_code == 200


def test_limits_of_a_request(trained_folder: Path) -> None:
    with running(trained_folder, limits={"max_chars": 50, "max_texts": 3, "max_body_mb": 0.001}) as made:
        for body, code in (
            ("x" * 51, "text_too_long"),
            (["x"] * 4, "too_many_texts"),
            ("x" * 2000, "body_too_large"),
        ):
            answer = made.post(body)
            assert (answer.status_code, answer.json()["code"]) == (413, code)
        chunked = made.client.post(
            "/v1/entities",
            content=(b"x" * 300 for _ in range(10)),
            headers={"content-type": "application/json"},
        )
        assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
        form = made.client.post("/v1/entities", data={"text": "a"})
        assert (form.status_code, form.json()["code"]) == (415, "not_json")


def raw(made: Running, data: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", made.port), timeout=10)
    connection.sendall(data)
    return connection


def head(length: int | str = 0, path: str = "/v1/entities") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while True:
        try:
            part = connection.recv(65536)
        except ConnectionResetError:
            part = b""
        if not part:
            return b"".join(parts)
        parts.append(part)


@pytest.mark.parametrize("length", [200_000_000, "9" * 18])
def test_a_large_body_is_refused_before_it_is_read(served: Running, length: int | str) -> None:
    with raw(served, head(length)) as connection:  # no byte of the body is ever sent
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert len(answer) < 1000


def test_half_sent_requests_are_closed(trained_folder: Path) -> None:
    with running(trained_folder, limits={"timeout": 0.4}) as made:
        heads = [raw(made, b"POST /v1/entities HTTP/1.1\r\nHost:") for _ in range(20)]
        silent = [raw(made, b"") for _ in range(5)]
        bodies = [raw(made, head(100) + b'{"text": ') for _ in range(5)]
        # a second request on a connection that has had one
        again = raw(made, b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in again.recv(65536)
        again.sendall(b"POST /v1/ent")
        started = time.monotonic()
        assert {read_all(each) for each in heads + silent} == {b""}
        assert all(read_all(each).startswith(b"HTTP/1.1 408 ") for each in bodies)
        assert read_all(again) in (b"", b'{"live":true}')
        assert time.monotonic() - started < 5
        for each in (*heads, *silent, *bodies, again):
            each.close()
        made.until(lambda: made.service.metrics.bodies._value.get() == 0)


def test_above_the_queue_the_answer_is_429(trying_folder: Path) -> None:
    limits = {"queue_texts": 6, "max_texts": 6, "max_batch": 1, "wait_ms": 0}
    with running(trying_folder, limits=limits) as made, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda i: made.post(f"SLOW1 {i}"), range(24)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 429}
        # six wait, one or two were taken before all had come
        assert 6 <= statuses.count(200) <= 9
        for answer in answers:
            if answer.status_code == 429:
                assert 1 <= int(answer.headers["retry-after"]) <= 60
                assert answer.json()["code"] == "queue_full"
        # a list does not slip past: it counts as its texts
        blockers = [pool.submit(made.post, f"SLOW2 {i}") for i in range(3)]
        made.until(lambda: made.service.models["xx_pipeline"].batcher.queue.texts >= 1)
        assert made.post(["a"] * 6).status_code == 429
        assert [each.result().status_code for each in blockers] == [200] * 3
        assert made.post(["a"] * 6).status_code == 200


def test_what_would_wait_longer_than_a_request_may_is_refused(trying_folder: Path) -> None:
    limits = {"max_batch": 1, "wait_ms": 0, "timeout": 8}
    with running(trying_folder, limits=limits) as made, ThreadPoolExecutor(2) as pool:
        batcher = made.service.models["xx_pipeline"].batcher
        slow = [pool.submit(made.post, f"SLOW10 pace {i}") for i in range(2)]
        made.until(lambda: batcher.queue.texts == 1 and "SLOW10 pace" in " ".join(SEEN))
        batcher.pieces_a_second = 0.1  # as if it had been so slow of late
        refused = made.post("a")
        assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
        assert [each.result().status_code for each in slow] == [200, 200]
        assert made.post("a").status_code == 200  # nothing waits


def test_a_client_that_leaves_is_not_computed(trying_folder: Path) -> None:
    with running(trying_folder, limits={"max_batch": 1, "wait_ms": 0}) as made, ThreadPoolExecutor(2) as pool:
        queue = made.service.models["xx_pipeline"].batcher.queue
        blocker = pool.submit(made.post, "SLOW first")
        made.until(lambda: "SLOW first" in SEEN)
        body = json.dumps({"text": [f"GONE {i}" for i in range(50)]}).encode()
        leaving = raw(made, head(len(body)) + body)
        made.until(lambda: queue.texts == 50)
        leaving.close()
        made.until(lambda: queue.texts == 0)
        assert blocker.result().status_code == 200
        assert made.post("after").status_code == 200
        assert not [text for text in SEEN if text.startswith("GONE")]
        assert made.figure('cloudner_requests_total{path="/v1/entities",status="499"}') == 1


def test_what_is_too_late_is_told_and_not_computed(trying_folder: Path) -> None:
    limits = {"timeout": 0.35, "max_batch": 1, "wait_ms": 0}
    with running(trying_folder, limits=limits) as made, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: made.post(f"SLOW2 late {i}"), range(6)))
        statuses = sorted(answer.status_code for answer in answers)
        assert set(statuses) == {200, 504}
        assert {a.json()["code"] for a in answers if a.status_code == 504} == {"timeout"}
        time.sleep(0.4)
        assert len([text for text in SEEN if text.startswith("SLOW2 late")]) <= 3


def test_a_bad_text_fails_alone(trying_folder: Path) -> None:
    with running(trying_folder) as made:
        answer = made.post([ADA, "BOOM private", *[ADA] * 9])
        assert answer.status_code == 200
        results = answer.json()["results"]
        assert [spans(r["entities"]) for r in results if "entities" in r] == [FOUND] * 10
        assert results[1] == {
            "error": "the pipeline raised RuntimeError on this text",
            "code": "pipeline_error",
        }
        alone = made.post("BOOM private")
        assert alone.status_code == 500
        assert "private" not in alone.text
        with ThreadPoolExecutor(8) as pool:
            statuses = list(
                pool.map(lambda t: made.post(t).status_code, [ADA, "BOOM", ADA, "x", "BOOM", ADA] * 3)
            )
        assert statuses == [200, 500, 200, 200, 500, 200] * 3


def test_memory_that_runs_out_halves_the_batch(trying_folder: Path) -> None:
    with running(trying_folder) as made:
        answer = made.post([ADA, *[f"{ADA} HEAVY"] * 3])
        results = answer.json()["results"]
        assert [spans(each["entities"])[:2] for each in results] == [FOUND] * 4
        assert made.figure("cloudner_out_of_memory_total") == 1


def test_a_small_request_passes_a_huge_one(trained_folder: Path, trained: Any) -> None:
    long = " ".join(make_texts(200))[:25_000]
    limits = {"max_pieces": 256, "wait_ms": 0}
    with running(trained_folder, limits=limits) as made, ThreadPoolExecutor(2) as pool:
        batcher = made.service.models["xx_pipeline"].batcher
        before = made.figure("cloudner_batch_texts_count")
        huge = pool.submit(made.post, long)
        made.until(lambda: made.figure("cloudner_batch_texts_count") > before)
        small = [made.post(ADA) for _ in range(3)]
        assert not huge.done()
        assert [spans(each.json()["entities"]) for each in small] == [FOUND] * 3
        check_equal(trained, [long], [huge.result().json()["entities"]])
        assert batcher.pieces_a_second > 0


def test_a_huge_text_is_given_up_when_its_client_leaves(trained_folder: Path) -> None:
    long = json.dumps({"text": " ".join(make_texts(200))[:25_000]}).encode()
    with running(trained_folder, limits={"max_pieces": 256, "wait_ms": 0}) as made:
        before = made.figure("cloudner_batch_texts_count")
        leaving = raw(made, head(len(long)) + long)
        made.until(lambda: made.figure("cloudner_batch_texts_count") > before)
        leaving.close()
        made.until(lambda: made.figure('cloudner_texts_total{model="xx_pipeline",outcome="abandoned"}') == 1)
        assert made.post(ADA).status_code == 200


def test_tokens(trained_folder: Path) -> None:
    one, other = "a" * 20, "b" * 20
    with running(trained_folder, tokens=(one, other)) as made:

        def status(path: str, authorization: str | None) -> int:
            headers = {"authorization": authorization} if authorization else {}
            return made.client.get(path, headers=headers).status_code

        assert made.post(ADA).status_code == 401
        assert made.post(ADA).headers["www-authenticate"].startswith("Bearer")
        basic = base64.b64encode(f"anyone:{other}".encode()).decode()
        for right in (f"Bearer {one}", f"bearer {other}", f"Basic {basic}"):
            assert status("/v1/models", right) == 200
        for wrong in (
            "Bearer " + "c" * 20,
            "Bearer",
            one,
            f"Basic {one}",
            "Basic ===",
            f"Bearer {one}x",
            None,
        ):
            assert status("/v1/models", wrong) == status("/metrics", wrong) == 401
        assert [status(path, None) for path in ("/live", "/ready")] == [200, 200]
        large = raw(made, head(200_000_000))
        assert read_all(large).startswith(b"HTTP/1.1 401 ")
        large.close()


def test_cors_is_for_the_origins_named(trained_folder: Path) -> None:
    with running(trained_folder, cors=("https://a.example",), tokens=("t" * 20,)) as made:

        def allowed(origin: str) -> str | None:
            asked = {"origin": origin, "access-control-request-method": "POST"}
            return made.client.options("/v1/entities", headers=asked).headers.get(
                "access-control-allow-origin"
            )

        assert allowed("https://a.example") == "https://a.example"
        assert allowed("https://b.example") is None
        for token, status in (("t" * 20, 415), ("x" * 20, 401)):  # refused before and behind the token
            head = {"origin": "https://a.example", "authorization": f"Bearer {token}"}
            answer = made.client.post("/v1/entities", content=b"x", headers=head)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "https://a.example"
            assert answer.headers["access-control-expose-headers"] == "Retry-After"


def test_readiness_is_a_prediction(trying_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudner.serving.service.READY_SECONDS", 0.1)  # for which an answer is kept
    with running(trying_folder, limits={"max_batch": 1, "wait_ms": 0, "timeout": 1}) as made:
        assert made.client.get("/ready").json() == {"ready": True}
        assert "Ada Lovelace moved to Turin." in SEEN
        time.sleep(0.11)
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(made.post, "SLOW2 go")
            made.until(lambda: "SLOW2 go" in SEEN)
            assert made.client.get("/ready").status_code == 200  # goes first once the batch is done
            slow.result()
        batcher = made.service.models["xx_pipeline"].batcher
        batcher.stop(5)  # as if the thread had died
        time.sleep(0.11)
        assert made.client.get("/ready").status_code == 503
        assert made.client.get("/live").status_code == 503


def test_everything_accepted_is_answered_at_the_end(trying_folder: Path) -> None:
    limits = {"max_batch": 4, "wait_ms": 0}
    with running(trying_folder, limits=limits) as made, ThreadPoolExecutor(1) as pool:
        queue = made.service.models["xx_pipeline"].batcher.queue
        blocker = pool.submit(made.post, "SLOW10 end")
        made.until(lambda: "SLOW10 end" in SEEN)
        bodies = [json.dumps({"text": f"{ADA} {i}"}).encode() for i in range(40)]
        waiting = [raw(made, head(len(body)) + body) for body in bodies]
        made.until(lambda: queue.texts == 40)
        made.server.should_exit = True
        answers = [read_all(each) for each in waiting]
        assert blocker.result().status_code == 200
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    found = [json.loads(answer.partition(b"\r\n\r\n")[2])["entities"] for answer in answers]
    assert [spans(each)[:2] for each in found] == [FOUND] * 40


def test_new_words_are_forgotten(trained_folder: Path, trained: Any) -> None:
    with running(trained_folder) as made:
        for part in range(4):
            made.post([f"unheard{part}of{i}" for i in range(100)])
        batcher = made.service.models["xx_pipeline"].batcher
        batcher.stop(10)  # nothing else may look at its vocabulary before
        vocab = batcher._nlp.vocab
        assert len(list(vocab)) < len(list(trained.vocab)) + 20
        assert len(vocab.strings) < len(trained.vocab.strings) + 20


def test_unknown_paths_and_methods(served: Running) -> None:
    assert served.client.get("/nowhere/at/all").json() == {"error": "Not Found", "code": "no_such_path"}
    assert served.client.get("/v1/entities").json()["code"] == "wrong_method"
    assert served.figure('cloudner_requests_total{path="other",status="404"}') >= 1


def test_the_description_names_every_route(served: Running) -> None:
    described = served.client.get("/openapi.json").json()["paths"]
    assert {"/v1/entities", "/v1/models", "/live", "/ready", "/metrics"} <= set(described)
    assert {"200", "413", "422", "429"} <= set(described["/v1/entities"]["post"]["responses"])


def test_pipelines_of_spacy_alone_are_served_too(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Oslo"}])
    nlp.to_disk(tmp_path / "ruler")
    with running(tmp_path / "ruler") as made:
        (found,) = made.post("to Oslo", threshold=0.5).json()["entities"]
        assert found == {"start": 3, "end": 7, "label": "LOC", "text": "Oslo", "confidence": None}
        assert made.client.get("/v1/models").json()["models"][0]["labels"] == ["LOC"]
