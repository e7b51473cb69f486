"""`cloudner doctor`: what the machine is, what is broken, and how to fix it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from cloudner.cli import app
from cloudner.cli._shared import run, unquote
from cloudner.cores import busy_now

if TYPE_CHECKING:
    from cloudner.hardware.doctor.diagnose import Finding
    from cloudner.hardware.machine.facts import Hardware

STYLES = {"blocking": "bold red", "warning": "yellow", "ok": "green"}


@app.command("doctor")
def doctor_cli(
    config: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--config",
            "-c",
            help="A training config (a file, or cpu, gpu, ...): also check that its encoder can be had",
        ),
    ] = None,
    recorded: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--machine", help="Judge a machine recorded with --json instead of this one"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", "-j", help="Print the machine and the findings as JSON")
    ] = False,
) -> None:
    """What this machine is, what is wrong with it for training, and how to fix it.

    Exit code 1 if something is blocking.
    """
    import json

    from cloudner.hardware.doctor.diagnose import check_machine, diagnose
    from cloudner.training.shipped import config_file

    def judged() -> tuple[Hardware, list[Finding]]:
        file = None if config is None else config_file(unquote(config), Path())
        machine = check_machine(file) if recorded is None else read_machine(recorded)
        return machine, diagnose(machine, config=file)

    machine, findings = run(judged)
    if as_json:
        record = {"hardware": machine.to_dict(), "findings": [finding.to_dict() for finding in findings]}
        typer.echo(json.dumps(record, indent=2))
    else:
        _show(machine, findings, busy_now() if recorded is None else None)
    if any(finding.severity == "blocking" for finding in findings):
        raise typer.Exit(1)


def read_machine(path: Path) -> Hardware:
    """A machine from the output of `doctor --json`. Raises `InputError` for anything else."""
    import json

    from cloudner.errors import InputError
    from cloudner.hardware.machine.facts import Hardware

    if not path.is_file():
        raise InputError("no such file", file=str(path), expected="the output of `cloudner doctor --json`")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return Hardware.from_dict(record.get("hardware", record))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"not a recorded machine: {error}",
            file=str(path),
            expected="the output of `cloudner doctor --json`",
        ) from None


def _show(machine: Hardware, findings: list[Finding], busy: str | None) -> None:
    from rich.console import Console
    from rich.text import Text

    out = Console(highlight=False, soft_wrap=True)
    gib = 1024**3
    out.print(
        Text(
            f"{machine.system} {machine.machine}, {machine.cpus:g} of {machine.cpus_host} CPUs "
            f"({machine.cpu_name}), {machine.ram_total / gib:.1f} GiB of RAM"
        )
    )
    for gpu in machine.gpus:
        capability = gpu.compute_capability
        known = f", compute capability {capability[0]}.{capability[1]}" if capability else ""
        out.print(Text(f"{gpu.name}, {gpu.memory_total / gib:.1f} GiB{known}"))
    for finding in findings:
        out.print(Text(f"{finding.severity:>9}  ", STYLES[finding.severity]) + Text(finding.what))
        if finding.why:
            out.print(Text(f"           why: {finding.why}"))
        if finding.fix:
            out.print(Text("           fix: ") + Text(finding.fix, "bold"))
    for note in [*machine.notes, *([busy] if busy else [])]:
        out.print(Text(f"     note  {note}", "dim"))
