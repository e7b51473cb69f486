"""docs/make_report_png.py: the picture in README.md."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

import pytest

from browsing import browser  # noqa: F401  asks for a browser, and skips without one
from cloudner.report.evaluate import evaluate

from .conftest import ruler

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("make_report_png", ROOT / "docs" / "make_report_png.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", picture[16:24])


def test_the_picture_in_the_repository_is_what_the_script_would_make(script):
    picture = (ROOT / "docs" / "report.png").read_bytes()
    assert size_of(picture) == (script.WIDTH, script.HEIGHT)
    assert len(picture) <= script.LARGEST


def test_without_a_report_or_a_browser_one_line_says_so(script, tmp_path, monkeypatch, capsys):
    target = tmp_path / "report.png"
    assert script.main([str(tmp_path / "no.html"), str(target)]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'no.html'}: no such file; make train writes it\n"
    page = tmp_path / "report.html"
    page.write_text("<p>", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert script.main([str(page), str(target)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("skipped: ")
    assert said.endswith(" is not installed\n")
    assert said.count("\n") == 1
    assert not target.exists()


@pytest.mark.slow
@pytest.mark.usefixtures("browser")
def test_a_report_becomes_a_picture(script, corpus, tmp_path, monkeypatch, capsys):
    page, target = tmp_path / "report.html", tmp_path / "report.png"
    evaluate(ruler([("Oslo", "LOC")]), corpus[1], rounds=10, output=page)
    assert script.main([str(page), str(target)]) == 0
    picture = target.read_bytes()
    assert size_of(picture) == (script.WIDTH, script.HEIGHT)
    assert f"{len(picture):,} bytes" in capsys.readouterr().out
    target.unlink()
    monkeypatch.setattr(script, "LARGEST", 1000)  # one too large is not written
    assert script.main([str(page), str(target)]) == 1
    assert not target.exists()
