"""Label Studio's ML backend protocol, as its connector speaks it."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cloudner.errors import ConfigError

from .conftest import SEEN, Running, httpx, running
from .test_service import ADA

CONFIG = """<View>
  <Labels name="ner" toName="body"><Label value="PER"/><Label value="Place" predicted_values="LOC, GPE"/></Labels>
  <Text name="body" value="$content"/>
</View>"""


def ask(made: Running, path: str, body: Any, **more: Any) -> Any:
    return made.client.post(path, json=body, **more)


def tasks(*texts: Any) -> dict[str, Any]:
    """What Label Studio sends, fields included that are not used here."""
    return {
        "tasks": [{"id": i, "data": {"content": text}, "predictions": []} for i, text in enumerate(texts)],
        "model_version": None,
        "project": "1.1700000000",
        "label_config": CONFIG,
        "params": {"login": None, "password": None, "context": None},
    }


def test_health_and_setup(served: Running) -> None:
    assert served.client.get("/health").json() == {"status": "UP", "model_class": "cloudner"}
    sent = {"project": "1.17", "schema": CONFIG, "hostname": "http://localhost:8080", "access_token": "x"}
    assert ask(served, "/setup", sent).json() == {"model_version": "xx_pipeline 0.0.0"}


def test_predictions_have_the_form_of_regions(served: Running) -> None:
    answer = ask(served, "/predict", tasks(ADA, "Apple bought Beats in 2014", "", None, 5))
    assert answer.status_code == 200
    first, *others = answer.json()["results"]
    regions = first["result"]
    assert [(r["from_name"], r["to_name"], r["type"]) for r in regions] == [("ner", "body", "labels")] * 2
    assert [r["value"] for r in regions] == [
        {"start": 0, "end": 11, "text": "Marie Curie", "labels": ["PER"]},
        {"start": 21, "end": 26, "text": "Paris", "labels": ["Place"]},
    ]
    assert first["score"] == min(region["score"] for region in regions)
    assert [each["result"] for each in others] == [
        []
    ] * 4  # ORG is not in the configuration; the rest has no text
    assert len({region["id"] for region in regions}) == 2


def test_offsets_are_utf_16_units(served: Running) -> None:
    (answer,) = ask(served, "/predict", tasks(f"🙂🙂 {ADA}")).json()["results"]
    for region in answer["result"]:
        units = f"🙂🙂 {ADA}".encode("utf-16-le")
        value = region["value"]
        assert units[2 * value["start"] : 2 * value["end"]].decode("utf-16-le") == value["text"]
    assert answer["result"]


def test_more_tasks_than_a_request_may_have_texts_and_one_too_long(trained_folder: Path) -> None:
    with running(trained_folder, limits={"max_texts": 4, "max_chars": 100}) as made:
        results = ask(made, "/predict", tasks(*[ADA] * 5, "x" * 101, *[ADA] * 5)).json()["results"]
        assert [len(each["result"]) for each in results] == [2] * 5 + [0] + [2] * 5


def test_what_nobody_waits_for_is_not_computed(trying_folder: Path) -> None:
    limits = {"max_texts": 1, "max_batch": 1, "wait_ms": 0, "timeout": 1.0}
    with running(trying_folder, limits=limits) as made:
        slow = tasks(*[f"SLOW2 task {i}" for i in range(40)])
        answer = ask(made, "/predict", slow)
        assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
        with pytest.raises(httpx.TimeoutException):
            ask(made, "/predict", tasks(*[f"SLOW2 left {i}" for i in range(40)]), timeout=0.3)
        made.until(lambda: made.service.models["xx_pipeline"].batcher.queue.texts == 0)
        time.sleep(0.5)
        assert sum("SLOW2 left" in text for text in SEEN) < 6
        assert sum("SLOW2 task" in text for text in SEEN) < 10


@pytest.mark.parametrize(
    "config",
    [
        "no xml", "<View/>", "", '<View><Labels name="a" toName="b"/><Image name="b" value="$x"/></View>',
        '<!DOCTYPE x [<!ENTITY a "b">]><View>&a;</View>', "<a>" * 3000,
        '<View><Labels name="a" toName="b"/><Text name="b" value="$x" valueType="url"/></View>',
    ],
)  # fmt: skip
def test_other_configurations_are_refused(served: Running, config: str) -> None:
    answer = ask(served, "/predict", {**tasks(ADA), "label_config": config})
    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "code"}


def test_the_sdk_accepts_the_predictions(served: Running) -> None:
    sdk = pytest.importorskip("label_studio_sdk.label_interface", reason="label-studio-sdk is not installed")
    interface = sdk.LabelInterface(CONFIG)
    for made in ask(served, "/predict", tasks(ADA, "🙂 Marie Curie lived in Paris.")).json()["results"]:
        assert made["result"]
        assert interface.validate_prediction(made)


def test_a_webhook_retrains_and_the_new_pipeline_is_served(trained_folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "pipeline"
    shutil.copytree(trained_folder, place)
    shutil.copytree(trained_folder, tmp_path / "next")
    config = tmp_path / "next" / "config.cfg"
    text = config.read_text(encoding="utf-8")
    assert "\nthreshold = 0.0" in text
    config.write_text(
        text.replace("\nthreshold = 0.0", "\nthreshold = 1.0"), encoding="utf-8"
    )  # finds nothing
    script = tmp_path / "train.py"
    script.write_text(
        "import shutil, sys\n"
        f"open({str(tmp_path / 'event.json')!r}, 'w').write(sys.stdin.read())\n"
        f"shutil.copytree({str(tmp_path / 'next')!r}, {str(place)!r}, dirs_exist_ok=True)\n"
    )
    token, password = "t" * 20, ("anyone", "t" * 20)
    with running(place, tokens=(token,), retrain=f"{sys.executable} '{script}'") as made:
        assert ask(made, "/webhook", {"action": "START_TRAINING"}).status_code == 401
        ignored = ask(made, "/webhook", {"action": "ANNOTATION_CREATED", "annotation": {}}, auth=password)
        assert ignored.json() == {"status": "ignored"}
        event = {"action": "START_TRAINING", "project": {"id": 3}}
        assert ask(made, "/webhook", event, auth=password).json() == {"status": "started"}
        assert ask(made, "/webhook", event, auth=password).json() == {"status": "running"}
        served = made.service.models["xx_pipeline"]
        made.until(lambda: served.loaded == 1)
        assert '"id": 3' in (tmp_path / "event.json").read_text()
        found = ask(made, "/v1/entities", {"text": ADA}, auth=password).json()["entities"]
        assert found == []
        version = ask(made, "/setup", {"schema": CONFIG}, auth=password).json()["model_version"]
        assert version == "xx_pipeline 0.0.0 (1)"


def test_a_retraining_that_fails_changes_nothing(trained_folder: Path, caplog: Any) -> None:
    with running(trained_folder, tokens=("t" * 20,), retrain="false") as made:
        auth = ("x", "t" * 20)
        assert ask(made, "/webhook", {"action": "START_TRAINING"}, auth=auth).status_code == 202
        made.until(lambda: "exit code 1" in caplog.text)
        assert len(ask(made, "/v1/entities", {"text": ADA}, auth=auth).json()["entities"]) == 2


def test_a_command_that_does_not_end_is_killed_with_the_service(
    trained_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudner.serving.service.GRACE", 0.5)
    script = tmp_path / "deaf.py"
    script.write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}.')\n"
        "time.sleep(120)\n"
    )
    token, limits = "t" * 20, {"timeout": 0.5}
    with running(
        trained_folder, tokens=(token,), limits=limits, retrain=f"{sys.executable} '{script}'"
    ) as made:
        ask(made, "/webhook", {"action": "START_TRAINING"}, auth=("x", token))
        pid = tmp_path / "pid"
        made.until(lambda: pid.exists() and pid.read_text().endswith("."))
        started = time.monotonic()
    assert time.monotonic() - started < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()[:-1]), 0)


def test_without_a_command_the_webhook_says_so(served: Running) -> None:
    for path, body in (
        ("/webhook", {"action": "START_TRAINING"}),
        ("/train", {"annotations": [], "project": "1.17"}),
    ):
        answer = ask(served, path, body)
        assert (answer.status_code, answer.json()["code"]) == (501, "no_retraining")


def test_retraining_asks_for_a_token_and_one_process() -> None:
    from cloudner.serving.retraining import parse_command
    from cloudner.serving.settings import ServiceSettings

    with pytest.raises(ConfigError, match="--token-file"):
        ServiceSettings(retrain="make train")
    with pytest.raises(ConfigError, match="--workers"):
        ServiceSettings(retrain="make train", tokens=("t" * 20,), workers=2)
    for wrong in ("", "a 'b"):
        with pytest.raises(ConfigError, match="--retrain"):
            parse_command(wrong)
