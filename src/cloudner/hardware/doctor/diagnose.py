"""`diagnose`: judge a machine. The rules are pure; only without a recorded `hardware` is anything looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudner.errors import of_kind
from cloudner.hardware.doctor.finding import SEVERITIES, Finding, Needs
from cloudner.hardware.doctor.needs import read_needs
from cloudner.hardware.doctor.rules import RULES
from cloudner.hardware.machine.facts import Hardware

_DRIVER_PATIENCE = 10.0  # seconds; `doctor` can wait for a slow driver, `detect_hardware()` alone does not


def diagnose(
    hardware: Hardware | None = None, *, config: str | Path | dict[str, Any] | None = None
) -> list[Finding]:
    """What is right and wrong with this machine for training, worst first.

    With a `hardware` (detected or recorded) only its facts are judged. Without, the machine is detected and the
    checks are done for real: a product on the device, memory exchange between torch and cupy, and, if `config`
    (a spaCy config: path or dict) names a model of the hub, whether that is available. Raises `ConfigError` if the
    config cannot be read.
    """
    needs = read_needs(config) if config is not None else Needs()
    if hardware is None:
        hardware = check_machine(config)
    of_kind(hardware, Hardware, "a machine", "what detect_hardware() gives")
    findings = [finding for rule in RULES for finding in rule(hardware, needs)]
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def check_machine(config: str | Path | dict[str, Any] | None = None) -> Hardware:
    """This machine, detected, with the checks done for real (torch is imported). Raises as `diagnose` does."""
    from cloudner.hardware.machine.checks import run_checks
    from cloudner.hardware.machine.detect import detect_hardware

    needs = read_needs(config) if config is not None else Needs()
    return run_checks(detect_hardware(_DRIVER_PATIENCE), needs.hub_names)
