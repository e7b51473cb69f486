"""The result of a rule, and what the rules need to know about the config."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["blocking", "warning", "ok"]
SEVERITIES: tuple[Severity, ...] = ("blocking", "warning", "ok")  # worst first


@dataclass(frozen=True)
class Finding:
    """One result of a rule: what is the case, why it matters, and the command that repairs it ("" if nothing is wrong)."""

    code: str
    severity: Severity
    what: str
    why: str = ""
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        """Plain text fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Needs:
    """What a training config asks of the machine: models from the hub, cupy (the shared architecture), and
    spacy-transformers (whose functions or component it names)."""

    hub_names: tuple[str, ...] = ()
    cupy: bool = False
    spacy_transformers: bool = False
