"""A small part of the peers' own tests; all of them: python tests/peers/run.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "peers" / "run.py"


@pytest.mark.slow
def test_spacys_serialization_tests_pass_or_differ_for_a_reason():
    files = [f"spacy/tests/serialize/test_serialize_{name}.py" for name in ("language", "pipeline", "config")]
    done = subprocess.run([sys.executable, str(RUN), *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    total = next(line.split() for line in done.stdout.splitlines() if line.startswith("total"))
    passed, differs, failed, _, cut_short = (int(cell) for cell in total[1:6])
    assert passed >= 3
    assert differs >= 1
    assert failed == cut_short == 0
