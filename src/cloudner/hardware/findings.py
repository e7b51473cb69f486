"""`diagnose`: judge a machine. The rules are pure; only without a recorded `hardware` is anything looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from cloudner.errors import ConfigError
from cloudner.hardware.machine import Hardware

Severity = Literal["blocking", "warning", "ok"]
_ORDER = {"blocking": 0, "warning": 1, "ok": 2}
_DRIVER_PATIENCE = 10.0  # seconds; `doctor` can wait for a slow driver, `detect_hardware()` alone does not


@dataclass(frozen=True)
class Finding:
    """One thing found: what, why it matters, and the command that mends it ("" when nothing is wrong)."""

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


def diagnose(
    hardware: Hardware | None = None, *, config: str | Path | dict[str, Any] | None = None
) -> list[Finding]:
    """What is right and wrong with this machine for training, worst first.

    With a `hardware` (detected or recorded) only its facts are judged. Without, the machine is detected and the
    checks are done for real: a product on the device, memory exchange between torch and cupy, and, if `config`
    (a spaCy config: path or dict) names a model of the hub, whether that can be had. Raises `ConfigError` if the
    config cannot be read.
    """
    from cloudner.hardware.rules import RULES

    needs = read_needs(config) if config is not None else Needs()
    if hardware is None:
        hardware = check_machine(config)
    findings = [finding for rule in RULES for finding in rule(hardware, needs)]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def check_machine(config: str | Path | dict[str, Any] | None = None) -> Hardware:
    """This machine, detected, with the checks done for real (torch is imported). Raises as `diagnose` does."""
    from cloudner.hardware.checks import run_checks
    from cloudner.hardware.detect import detect_hardware

    needs = read_needs(config) if config is not None else Needs()
    return run_checks(detect_hardware(_DRIVER_PATIENCE), needs.hub_names)


def read_needs(config: str | Path | dict[str, Any]) -> Needs:
    """The hub models and the libraries that a spaCy config needs. Raises `ConfigError`."""
    if not isinstance(config, dict):
        from thinc.api import Config

        if not Path(config).is_file():
            raise ConfigError("no such config", file=str(config), expected="a spaCy config.cfg")
        try:
            config = dict(Config().from_disk(config, interpolate=False))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the config cannot be read: {error}", file=str(config), expected="a spaCy config.cfg"
            ) from None
    names: list[str] = []
    cupy = shared = False
    for block in _blocks(config):
        architecture = str(block.get("@architectures", ""))
        if architecture.startswith(("cloudner.SharedNER", "spacy-transformers.")):
            cupy = True
        if block.get("factory") == "transformer" or architecture.startswith("spacy-transformers."):
            shared = True
        if architecture.startswith(("cloudner.TransformerNER", "spacy-transformers.TransformerModel")):
            names += [str(block[key]) for key in ("encoder", "name") if isinstance(block.get(key), str)]
    return Needs(tuple(dict.fromkeys(name for name in names if _of_hub(name))), cupy, shared)


def _blocks(node: Any) -> list[dict[str, Any]]:
    if not isinstance(node, dict):
        return []
    return [node, *(block for value in node.values() for block in _blocks(value))]


def _of_hub(name: str) -> bool:
    return not (name.startswith(("package:", "$", ".", "/", "~")) or "${" in name or Path(name).exists())
