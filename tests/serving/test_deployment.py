"""The image, the Compose file and SkyPilot's service: what can be tested where none of them runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly
import typer
from typer.testing import CliRunner

from cloudner.errors import InputError
from cloudner.hardware.planning.sky_serve import sky_service, write_sky_service

from .conftest import Running

ROOT = Path(__file__).resolve().parents[2]


def serve_options() -> set[str]:
    from cloudner.cli import app

    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts}


@pytest.fixture(scope="module")
def image() -> str:
    return (ROOT / "docker/serve.Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return srsly.read_yaml(ROOT / "docker/compose.yaml")


def test_the_image_installs_what_exists_and_starts_the_command(image: str) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for extra in re.search(r'pip install "/src\[([^]]+)]"', image)[1].split(","):  # type: ignore[index]
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
    for line in re.findall(r"^COPY (.+)$", image, re.MULTILINE):
        assert all((ROOT / name).exists() for name in line.split()[:-1])
    words = json.loads(re.search(r"^ENTRYPOINT (.+)$", image, re.MULTILINE)[1])  # type: ignore[index]
    assert words[:2] == ["cloudner", "serve"]
    assert {word for word in words if word.startswith("--")} <= serve_options()
    assert "USER serve" in image


def test_the_compose_file_starts_that_image_with_a_token(compose: dict[str, Any], image: str) -> None:
    service = compose["services"]["serve"]
    assert (ROOT / "docker" / service["build"]["context"] / service["build"]["dockerfile"]).is_file()
    options = [word for word in service["command"] if word.startswith("--")]
    assert set(options) <= serve_options()
    given = dict(zip(service["command"][::2], service["command"][1::2], strict=True))
    assert given["--token-file"] == f"/run/secrets/{service['secrets'][0]}"
    assert set(service["secrets"]) <= set(compose["secrets"])
    assert float(service["stop_grace_period"].rstrip("s")) > float(given["--timeout"]) + 5
    assert service["ports"] == ["127.0.0.1:8000:8000"]
    assert json.dumps(service["healthcheck"]["test"][1:]) in image


def test_the_health_check_tells_ready_from_not(compose: dict[str, Any], served: Running) -> None:
    _, program, *arguments = compose["services"]["serve"]["healthcheck"]["test"]
    assert program == "python"
    for url, code in ((served.url, 0), ("http://127.0.0.1:9", 1)):
        words = [word.replace("http://127.0.0.1:8000", url) for word in arguments]
        assert subprocess.run([sys.executable, *words], capture_output=True, check=False).returncode == code


def test_the_service_of_skypilot(tmp_path: Path) -> None:
    service = sky_service(machine="a10g", bucket="some-bucket")
    assert service["resources"]["accelerators"] == {"A10G": 1}
    assert "accelerators" not in sky_service()["resources"]
    assert service["service"]["readiness_probe"]["path"] == "/ready"
    assert service["file_mounts"]["/checkpoints"]["name"] == "some-bucket"
    assert service["envs"]["MODEL"].startswith("/checkpoints/")
    assert set(re.findall(r"--[\w-]+", service["run"].splitlines()[-1])) <= serve_options()
    for script in ("setup", "run"):
        subprocess.run(["sh", "-n"], input=service[script], text=True, check=True)
    refused = subprocess.run(["sh"], input=service["run"], text=True, capture_output=True, check=False)
    assert refused.returncode != 0  # without a token
    assert "CLOUDNER_TOKEN" in refused.stderr
    path = write_sky_service(tmp_path / "new" / "service.yaml", machine="a10g", bucket="some-bucket")
    assert srsly.read_yaml(path) == service


@pytest.mark.parametrize(
    "options", [{"machine": "abacus"}, {"bucket": "A"}, {"replicas": (0, 1)}, {"replicas": (3, 2)}, {"requests_a_second": 0}]
)  # fmt: skip
def test_services_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        sky_service(**options)


def test_skypilot_accepts_the_service(tmp_path: Path) -> None:
    sky = pytest.importorskip("sky", reason="skypilot is not installed")
    task = sky.Task.from_yaml(str(write_sky_service(tmp_path / "service.yaml")))
    assert task.service.readiness_path == "/ready"
    assert (task.service.min_replicas, task.service.max_replicas) == (1, 4)


def test_plan_writes_it(tmp_path: Path) -> None:
    from cloudner.cli import app

    target = tmp_path / "service.yaml"
    words = ["plan", "--sentences", "1000", "--sky-serve", str(target)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert srsly.read_yaml(target) == sky_service()
