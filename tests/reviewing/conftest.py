"""Fixtures of review; `import benchmarks` finds the folder at the project's root, however pytest is started."""

import sys
from pathlib import Path

from browsing import browser  # noqa: F401  a fixture

ROOT = str(Path(__file__).resolve().parents[2])
if sys.path[0] != ROOT:
    sys.path.insert(0, ROOT)
