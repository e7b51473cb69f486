"""The checks that do something, done for real on this machine."""

import dataclasses
import os
import subprocess
import sys
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
def hub(tmp_path):
    """The environment of a process that asks a hub of our own."""
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield environment(tmp_path, f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def environment(home, endpoint, **more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    return {**kept, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "no_proxy": "127.0.0.1", **more}


def asked(name, environment):
    """What `ask_hub` says in a process of its own: huggingface_hub reads its settings when it is imported."""
    code = f"from cloudner.hardware.machine.checks import ask_hub; print(ask_hub({name!r}, 5))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_this_machine_multiplies():
    done = checks.run_checks(detect_hardware())
    assert done.torch_works == "ok"
    assert done.hub is None


def test_a_check_that_fails_is_told_in_one_line():
    def fail():
        raise RuntimeError("CUDA error\nmore lines")

    assert checks._outcome(fail) == "RuntimeError: CUDA error"


def test_the_hub_is_asked(hub):
    assert asked("known/model", hub) == "None"
    assert asked("no/model", hub) == f"no/model: {hub['HF_ENDPOINT']} answers 404"


def test_a_cached_model_needs_no_hub(hub, tmp_path):
    repository = tmp_path / "hub" / "models--my--model"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    (repository / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (repository / "snapshots" / ("0" * 40) / "config.json").write_text("{}")
    offline = {**hub, "HF_HUB_OFFLINE": "1"}
    assert asked("my/model", offline) == "None"
    assert "HF_HUB_OFFLINE" in asked("known/model", offline)


def test_a_hub_out_of_reach(tmp_path):
    nowhere = environment(tmp_path, "http://127.0.0.1:9")
    assert asked("no/model", nowhere).startswith("no/model: http://127.0.0.1:9 cannot be reached (")


def test_a_model_that_cannot_be_had_blocks_training():
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
