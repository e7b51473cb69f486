"""The checks that do something, done for real on this machine."""

import dataclasses
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cloudner.hardware import detect_hardware, diagnose
from cloudner.hardware.machine import checks


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        known = self.path == "/known/model/resolve/main/config.json"
        self.send_response(200 if known else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch, tmp_path):
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    yield tmp_path
    server.shutdown()
    server.server_close()


def test_this_machine_multiplies():
    done = checks.run_checks(detect_hardware())
    assert done.torch_works == "ok"
    assert done.hub is None


def test_a_check_that_fails_is_told_in_one_line():
    def fail():
        raise RuntimeError("CUDA error\nmore lines")

    assert checks._outcome(fail) == "RuntimeError: CUDA error"


def test_the_hub_is_asked(hub):
    state = detect_hardware()
    assert checks.run_checks(state, ("known/model",), 5).hub == "ok"
    assert "404" in checks.run_checks(state, ("no/model",), 5).hub


def test_a_cached_model_needs_no_hub(hub, monkeypatch):
    folder = hub / "hub" / "models--my--model" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert checks.ask_hub("my/model", 1) is None
    assert "HF_HUB_OFFLINE" in checks.ask_hub("known/model", 1)


def test_a_hub_out_of_reach(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    config = {"model": {"@architectures": "cloudner.TransformerNER.v1", "encoder": "no/model"}}
    first = diagnose(config=config)[0]
    assert (first.code, first.severity) == ("hub-unreachable", "blocking")
    assert "no/model" in first.what


def test_without_a_gpu_nothing_is_exchanged(machine):
    state = dataclasses.replace(machine("cpu-only"), exchange=None)
    assert checks.run_checks(state).exchange is None


@pytest.mark.gpu
def test_torch_and_cupy_exchange_memory():
    pytest.importorskip("cupy")
    checks.exchange()
