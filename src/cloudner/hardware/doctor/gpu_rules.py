"""Rules about drivers, torch and cupy: pure functions (machine, needs) -> findings.

Sources of the constants:
- A driver runs every CUDA of its own major version and older ("minor version compatibility", NVIDIA CUDA
  Compatibility guide); hence only majors are compared.
- torch from PyPI is built for CUDA 12 up to 2.10 and for CUDA 13 from 2.11 (the packages each requires).
- cupy's wheels are named for the CUDA major they were built for.
"""

from __future__ import annotations

from cloudner.hardware.doctor.finding import Finding, Needs, Severity
from cloudner.hardware.machine.facts import Hardware
from cloudner.hardware.machine.kernels import capability_of, runs_on
from cloudner.hardware.machine.visible import hides_all

LAST_TORCH_WITH_CUDA_12 = "torch<2.11"


def driver(machine: Hardware, needs: Needs) -> list[Finding]:
    """Is there a driver, and does it run the CUDA that torch was built for?"""
    nvidia = [device for device in machine.pci_gpus if device.startswith("NVIDIA")]
    if machine.driver is None:
        if not nvidia or machine.torch_sees_gpu or machine.torch_hip:
            return []
        return [
            Finding(
                "no-driver",
                "blocking",
                f"{nvidia[0]}: an NVIDIA GPU without a working driver",
                "without it no program can use the GPU; in a container the host's driver has to be passed in",
                "sudo apt-get install -y nvidia-driver-580-server && sudo reboot"
                "   (in Docker: docker run --gpus all ...)",
            )
        ]
    runs = machine.driver_cuda
    if runs and machine.torch_cuda and _major(machine.torch_cuda) > runs[0]:
        return [
            Finding(
                "driver-too-old",
                "blocking",
                f"torch {_version(machine, 'torch')} is built for CUDA {machine.torch_cuda}, "
                f"driver {machine.driver} runs CUDA up to {runs[0]}.{runs[1]}",
                "CUDA fails to start: torch would train on the CPU or stop",
                f'pip install "{LAST_TORCH_WITH_CUDA_12}"   (or a newer driver)'
                if runs[0] == 12
                else "sudo apt-get install -y nvidia-driver-580-server && sudo reboot",
            )
        ]
    text = f"driver {machine.driver}" + (f", CUDA up to {runs[0]}.{runs[1]}" if runs else "")
    return [Finding("driver", "ok", text)]


def torch(machine: Hardware, needs: Needs) -> list[Finding]:
    """Is torch there, can it use the GPU, and does it have kernels for this very card?"""
    version = _version(machine, "torch")
    if not version:
        fix = "pip install torch"
        return [Finding("torch-missing", "blocking", "torch is not installed", "nothing can be trained", fix)]
    has_gpu = bool(machine.gpus or machine.pci_gpus) and not machine.mps
    if not has_gpu:
        text = f"torch {version} on the CPU; no GPU in this machine"
        if machine.mps:
            text = f"torch {version} with Apple MPS"
        return [*_works(machine), Finding("torch", "ok", text)]
    if (
        not machine.torch_hip
        and not machine.gpus
        and all(card.startswith("AMD") for card in machine.pci_gpus)
    ):
        return [*_works(machine), _without_rocm(machine)]
    if not machine.torch_cuda and not machine.torch_hip:
        old = machine.driver_cuda is not None and machine.driver_cuda[0] == 12
        wanted = LAST_TORCH_WITH_CUDA_12 if old else "torch"
        return [
            Finding(
                "torch-cpu-only",
                "blocking",
                f"torch {version} is a build without CUDA on a machine with {_card(machine)}",
                "training would run on the CPU, 10 to 100 times slower",
                f'pip uninstall -y torch && pip install --no-cache-dir "{wanted}"',
            )
        ]
    if not machine.torch_sees_gpu and hides_all(machine.visible_devices, machine.gpus):
        variable = "HIP_VISIBLE_DEVICES" if machine.torch_hip else "CUDA_VISIBLE_DEVICES"
        return [
            Finding(
                "gpu-hidden",
                "warning",
                f'{variable} is "{machine.visible_devices}": every GPU is hidden from torch',
                "training runs on the CPU",
                f"unset {variable}",
            )
        ]
    mig = [gpu for gpu in machine.gpus if gpu.mig]
    if mig and not any(gpu.mig_instances for gpu in mig) and not machine.torch_sees_gpu:
        return [
            Finding(
                "mig-without-instance",
                "blocking",
                f"{mig[0].name} is in MIG mode and has no instance",
                "a card in MIG mode can be used only through an instance",
                "sudo nvidia-smi mig -i 0 -cgi 0 -C   (one instance of the whole card)",
            )
        ]
    kernels = _kernels(machine)
    if kernels:
        return kernels
    if machine.torch_hip and not machine.torch_sees_gpu:
        return [_without_gpu(machine)]
    if machine.torch_sees_gpu is False and machine.driver and not _too_old(machine):
        return [
            Finding(
                "cuda-unavailable",
                "blocking",
                f"torch {version} (CUDA {machine.torch_cuda}) finds no usable GPU although the driver lists "
                f"{_card(machine)}" + (f": {machine.torch_error}" if machine.torch_error else ""),
                "training would run on the CPU; a driver update without a reboot is the usual cause",
                "sudo modprobe -r nvidia_uvm && sudo modprobe nvidia_uvm || sudo reboot",
            )
        ]
    works = _works(machine)
    if works or not machine.torch_sees_gpu:
        return works
    built = f"ROCm {machine.torch_hip}" if machine.torch_hip else f"CUDA {machine.torch_cuda}"
    return [Finding("torch", "ok", f"torch {version} ({built}) uses {_card(machine)}")]


def _without_rocm(machine: Hardware) -> Finding:
    # The bus does not tell a card that ROCm knows from the graphics inside a processor: a warning, and no more.
    return Finding(
        "torch-without-rocm",
        "warning",
        f"torch {_version(machine, 'torch')} is not built for ROCm: it does not use {_card(machine)}",
        "training runs on the CPU; with a card of ROCm's list of supported ones it would be faster",
        "pip uninstall -y torch && pip install torch --index-url https://download.pytorch.org/whl/rocm6.4"
        "   (not for graphics inside a processor)",
    )


def _without_gpu(machine: Hardware) -> Finding:
    return Finding(
        "rocm-unavailable",
        "blocking",
        f"torch {_version(machine, 'torch')} (ROCm {machine.torch_hip}) finds no usable GPU on a machine with "
        f"{_card(machine)}" + (f": {machine.torch_error}" if machine.torch_error else ""),
        "training would run on the CPU; a user outside the groups render and video is the usual cause",
        "sudo usermod -aG render,video $USER && ls -l /dev/kfd   (then log in again; in Docker: --device /dev/kfd "
        "--device /dev/dri)",
    )


def _works(machine: Hardware) -> list[Finding]:
    if machine.torch_works in (None, "ok"):
        return []
    return [
        Finding(
            "torch-broken",
            "blocking",
            f"a matrix product with torch fails: {machine.torch_works}",
            "training would stop at its first step",
            "pip install --force-reinstall --no-cache-dir torch",
        )
    ]


def _too_old(machine: Hardware) -> bool:
    runs = machine.driver_cuda
    return bool(runs and machine.torch_cuda and _major(machine.torch_cuda) > runs[0])


def _kernels(machine: Hardware) -> list[Finding]:
    archs = [arch for arch in machine.torch_archs if arch[:3] == "sm_" or arch.startswith("compute_")]
    for gpu in machine.gpus:
        capability = gpu.compute_capability
        if not archs or capability is None or runs_on(capability, archs):
            continue
        newest = max(capability_of(arch) for arch in archs)
        newer = capability > newest
        fix = "pip install --upgrade torch" if newer else f'pip install "{LAST_TORCH_WITH_CUDA_12}"'
        if capability < (7, 0):
            fix = 'pip install "torch<2.8"'
        return [
            Finding(
                "no-kernel-image",
                "blocking",
                f"torch {_version(machine, 'torch')} has no kernels for {gpu.name} (compute capability "
                f"{capability[0]}.{capability[1]}), only for {' '.join(archs)}",
                'the first step stops with "no kernel image is available for execution on the device"',
                fix,
            )
        ]
    return []


def cupy(machine: Hardware, needs: Needs) -> list[Finding]:
    """cupy serves the shared architecture and spaCy's own GPU code; cloudner.TransformerNER does without."""
    if not machine.gpus or machine.mps or machine.torch_hip:
        return []
    severity: Severity = "blocking" if needs.cupy else "warning"
    why = (
        "this config needs cupy" if needs.cupy else "spaCy's own GPU layers and cloudner.SharedNER need cupy"
    )
    major = _cupy_major(machine)
    wanted = f'pip install "cloudner[cuda{major}x]"'
    if not machine.cupy_packages:
        return [
            Finding(
                "cupy-missing", severity, "cupy is not installed", why + "; TransformerNER does not", wanted
            )
        ]
    names = " ".join(package.split()[0] for package in machine.cupy_packages)
    replace = f"pip uninstall -y {names} && {wanted}"
    if len(machine.cupy_packages) > 1:
        what = f"several cupy packages are installed: {', '.join(machine.cupy_packages)}"
        return [Finding("cupy-twice", severity, what, "they overwrite each other's files; " + why, replace)]
    has = machine.cupy_cuda
    if has and machine.driver_cuda and has > machine.driver_cuda[0]:
        what = (
            f"{machine.cupy_packages[0]} is built for CUDA {has}, the driver runs CUDA up to "
            f"{machine.driver_cuda[0]}.{machine.driver_cuda[1]}"
        )
        return [Finding("cupy-driver", severity, what, "every call of cupy fails; " + why, replace)]
    if has and machine.torch_cuda and has != _major(machine.torch_cuda) and not _too_old(machine):
        what = f"{machine.cupy_packages[0]} is for CUDA {has}, torch for CUDA {machine.torch_cuda}"
        why = "two CUDA runtimes are loaded into one process: more memory, and errors when both are used"
        return [Finding("cupy-torch-cuda", severity if needs.cupy else "warning", what, why, replace)]
    if machine.exchange not in (None, "ok"):
        what = f"torch and cupy cannot pass memory to each other: {machine.exchange}"
        return [Finding("cupy-exchange", severity, what, why, replace)]
    done = ", exchanges memory with torch" if machine.exchange == "ok" else ""
    return [Finding("cupy", "ok", machine.cupy_packages[0] + done)]


def _cupy_major(machine: Hardware) -> int:
    """The CUDA major a cupy should be for: torch's if the driver runs it, otherwise the driver's."""
    majors = [_major(machine.torch_cuda)] if machine.torch_cuda else []
    majors += [machine.driver_cuda[0]] if machine.driver_cuda else []
    return min(max(min(majors, default=12), 12), 13)


def _major(version: str) -> int:
    return int(version.split(".")[0])


def _version(machine: Hardware, package: str) -> str:
    return machine.versions.get(package, "")


def _card(machine: Hardware) -> str:
    if machine.gpus:
        return machine.gpus[0].name
    return next((card for card in machine.pci_gpus if card.startswith("NVIDIA")), machine.pci_gpus[0])
