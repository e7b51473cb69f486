"""Looking at a machine: this one for real, others through recorded files and outputs."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import psutil
import pytest

from cloudner.hardware import GPU, Hardware, detect_hardware
from cloudner.hardware.machine import cpu, detect, gpu, smi, software


def test_this_machine_in_under_a_second():
    began = time.perf_counter()
    found = detect_hardware()
    assert time.perf_counter() - began < 1.0
    assert 0 < found.cpus <= found.cpus_host
    assert 0 < found.ram_available <= found.ram_total <= psutil.virtual_memory().total
    assert found.versions["spacy"].startswith("3.")
    assert found.disk_free > 0
    assert found.seconds < 1.0


def test_a_cpu_machine_is_described_without_importing_torch():
    code = (
        "import sys, json; from cloudner.hardware import detect_hardware; h = detect_hardware();"
        "print(json.dumps([h.versions['torch'], bool(h.gpus), 'torch' in sys.modules, 'transformers' in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    version, has_gpu, imported, transformers = json.loads(out.stdout)
    assert version
    assert not transformers
    assert imported == has_gpu


def test_json_round_trip(machine):
    for state in (detect_hardware(), machine("t4"), machine("broken-gpu-memory-taken")):
        assert Hardware.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_unknown_keys_of_a_newer_version_are_left_out():
    assert Hardware.from_dict({"system": "Linux", "quantum": True}) == Hardware(system="Linux")


@pytest.mark.parametrize("broken", ["psutil.virtual_memory", "os.cpu_count"])
def test_detection_never_raises(monkeypatch, broken):
    def fail(*_args, **_kwargs):
        raise OSError("no such thing")

    monkeypatch.setattr(broken, fail)
    found = detect_hardware()
    assert any("no such thing" in note for note in found.notes)
    assert found.versions["spacy"]


def test_a_driver_that_hangs_is_left_behind():
    notes = []
    began = time.perf_counter()
    assert detect._within(0.05, "driver", lambda: time.sleep(1), notes) is None
    assert time.perf_counter() - began < 0.5
    assert notes == ["driver: no answer within 0.1 s"]


def _cgroup(tmp_path, lines, files):
    proc, sys_ = tmp_path / "proc", tmp_path / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(lines)
    for name, text in files.items():
        path = sys_ / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return {"proc": proc, "sys": sys_}


def test_cgroup_v2_limits(tmp_path):
    where = _cgroup(
        tmp_path,
        "0::/docker/abc\n",
        {
            "docker/abc/cpu.max": "150000 100000\n",
            "docker/abc/memory.max": "max\n",
            "docker/memory.max": f"{8 * 2**30}\n",
            "docker/memory.current": f"{3 * 2**30}\n",
            "docker/memory.stat": f"anon 1\ninactive_file {2**30}\n",
        },
    )
    assert cpu.cpu_limit(cpu.cgroup_folders("cpu", **where)) == 1.5
    assert cpu.memory_limit(cpu.cgroup_folders("memory", **where)) == (8 * 2**30, 6 * 2**30)


def test_cgroup_v1_limits(tmp_path):
    where = _cgroup(
        tmp_path,
        "4:memory:/kubepods/x\n1:cpu,cpuacct:/kubepods/x\n0::/\n",
        {
            "cpu,cpuacct/kubepods/x/cpu.cfs_quota_us": "200000\n",
            "cpu,cpuacct/kubepods/x/cpu.cfs_period_us": "100000\n",
            "memory/kubepods/x/memory.limit_in_bytes": f"{4 * 2**30}\n",
            "memory/kubepods/x/memory.usage_in_bytes": f"{2**30}\n",
            "memory/memory.limit_in_bytes": "9223372036854771712\n",  # no limit
        },
    )
    assert cpu.cpu_limit(cpu.cgroup_folders("cpu", **where)) == 2.0
    assert cpu.memory_limit(cpu.cgroup_folders("memory", **where)) == (4 * 2**30, 3 * 2**30)


def test_no_cgroup_no_limit(tmp_path):
    where = {"proc": tmp_path, "sys": tmp_path}
    assert cpu.cpu_limit(cpu.cgroup_folders("cpu", **where)) is None
    assert cpu.memory_limit(cpu.cgroup_folders("memory", **where)) == (None, None)


def test_a_v1_quota_of_minus_one_is_no_limit(tmp_path):
    (tmp_path / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu.cpu_limit([tmp_path]) is None


def test_instruction_sets(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text(
        "model name\t: Intel Xeon\nflags\t\t: fpu avx2 avx512f avx512_bf16 amx_bf16\n\nmodel name: x\n"
    )
    assert cpu.cpu_name_and_flags(info) == ("Intel Xeon", ("avx2", "avx512f", "avx512_bf16", "amx_bf16"))
    info.write_text("Features\t: fp asimd bf16 i8mm\n")
    assert cpu.cpu_name_and_flags(info)[1] == ("neon", "bf16", "i8mm")


SMI = (
    "0, Tesla T4, 15360, 14913, 7.5, GPU-1b2c, [N/A], 41, 0x0000000000000000, 550.90.07\n"
    "1, NVIDIA A100-SXM4-40GB, 40960, 1024, 8.0, GPU-3d4e, Enabled, 91, 0x0000000000000044, 550.90.07\n"
)
BANNER = "| NVIDIA-SMI 550.90.07    Driver Version: 550.90.07    CUDA Version: 12.4     |"


def test_nvidia_smi_is_read():
    facts = smi.parse_smi(SMI, BANNER)
    first, second = facts["gpus"]
    assert (facts["driver"], facts["driver_cuda"]) == ("550.90.07", (12, 4))
    assert first == GPU(0, "Tesla T4", 15360 * 2**20, 14913 * 2**20, (7, 5), "1b2c", temperature=41)
    assert second.mig
    assert second.throttle == ("power cap", "thermal (hardware)")


def test_nvidia_smi_without_numbers_is_no_gpu():
    assert smi.parse_smi("No devices were found\n", "")["gpus"] == ()


# As the programs are, with what each prints; a driver of 2020 knows neither compute capability nor MIG.
OLD_SMI = """#!/bin/sh
case "$1" in
  *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2 ;;
  --query-gpu=*) echo '0, Tesla V100-SXM2-16GB, 16160, 16000, GPU-aa, 450.80.02' ;;
  *) echo '| NVIDIA-SMI 450.80.02    Driver Version: 450.80.02    CUDA Version: 11.0     |' ;;
esac
"""
MIG_SMI = """#!/bin/sh
case "$1" in
  -L) echo 'GPU 0: NVIDIA A100 (UUID: GPU-a)'; echo '  MIG 3g.20gb  Device  0: (UUID: MIG-b)'; echo 'GPU 1: NVIDIA A100 (UUID: GPU-c)' ;;
  --query-gpu=*) for i in 0 1; do
      echo "$i, NVIDIA A100, 40960, 40000, 8.0, GPU-$i, Enabled, 30, [N/A], 550.90.07"; done ;;
  *) echo 'CUDA Version: 12.4' ;;
esac
"""
BROKEN_SMI = "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n"


@pytest.fixture
def with_smi(tmp_path, monkeypatch):
    """Puts a program `nvidia-smi` on PATH."""

    def put(script):
        program = tmp_path / "nvidia-smi"
        program.write_text(script)
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    return put


@pytest.mark.skipif(os.name == "nt", reason="a shell script is the program")
def test_a_driver_that_does_not_know_a_field_is_asked_without_it(with_smi):
    with_smi(OLD_SMI)
    facts = smi.from_smi(10)
    assert (facts["driver"], facts["driver_cuda"]) == ("450.80.02", (11, 0))
    assert facts["gpus"] == (GPU(0, "Tesla V100-SXM2-16GB", 16160 * 2**20, 16000 * 2**20, uuid="aa"),)


@pytest.mark.skipif(os.name == "nt", reason="a shell script is the program")
def test_the_instances_of_a_card_in_mig_mode_are_counted(with_smi):
    with_smi(MIG_SMI)
    assert [(card.mig, card.mig_instances) for card in smi.from_smi(10)["gpus"]] == [(True, 1), (True, 0)]


@pytest.mark.skipif(os.name == "nt", reason="a shell script is the program")
def test_what_nvidia_smi_says_when_it_fails_is_a_note(with_smi, monkeypatch):
    monkeypatch.setattr(gpu, "from_nvml", lambda: {}["no library"])
    monkeypatch.setattr(gpu, "pci_gpus", lambda: ())  # Windows, WSL
    with_smi(BROKEN_SMI)
    said = [note for note in detect_hardware(10).notes if "nvidia" in note]
    assert len(said) == 1
    assert "exit code 18: Failed to initialize NVML: Driver/library version mismatch" in said[0]


def test_fields_that_are_no_numbers_are_left_out():
    row = "0, NVIDIA A100, [Unknown Error], 1.2.3, [N/A], [N/A], [N/A], [N/A], 0xERR, 550.54\n"
    (card,) = smi.parse_smi(row + "a, b, c, d, e, f, g, h, i, j\n", "CUDA Version: ERR!")["gpus"]
    assert card == GPU(0, "NVIDIA A100", 0)


def test_torch_and_the_driver_are_merged_by_uuid():
    driver = smi.parse_smi(SMI, BANNER)["gpus"]
    seen = (
        GPU(0, "A100", 4 * 2**30, None, (8, 0), "3d4e"),
        GPU(1, "T4", 15000 * 2**20, None, (7, 5), "1b2c"),
    )
    first, second = gpu.merge(seen, driver, None)
    assert (first.index, first.mig, first.memory_free) == (0, True, None)  # a MIG instance's own share
    assert (second.index, second.temperature, second.memory_free) == (1, 41, 14913 * 2**20)


def test_torch_and_the_driver_are_merged_by_visible_devices():
    driver = smi.parse_smi(SMI, BANNER)["gpus"]
    (only,) = gpu.merge((GPU(0, "A100", 40960 * 2**20),), driver, "1")
    assert only.temperature == 91


def test_without_torch_the_driver_alone_tells():
    driver = smi.parse_smi(SMI, BANNER)["gpus"]
    assert gpu.merge((), driver, None) == driver


def test_pci_devices(tmp_path):
    for name, (kind, vendor) in {
        "0000:00:1e.0": ("0x030200", "0x10de"),
        "0000:00:1f.0": ("0x040300", "0x10de"),  # its sound device
        "0000:00:02.0": ("0x030000", "0x8086"),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "class").write_text(kind + "\n")
        (folder / "vendor").write_text(vendor + "\n")
        (folder / "device").write_text("0x1eb8\n")
    assert gpu.pci_gpus(tmp_path) == ("NVIDIA 0x1eb8 at 0000:00:1e.0",)
    assert gpu.pci_gpus(tmp_path / "none") == ()


def test_torch_tells_what_it_was_built_for():
    import torch

    assert software.torch_build() == (torch.version.cuda, torch.version.hip)
    facts = gpu.from_torch(torch)
    assert facts["torch_sees_gpu"] is torch.cuda.is_available()
    assert facts["torch_cuda"] == torch.version.cuda


def test_what_spacy_transformers_accepts_is_read_from_its_metadata():
    from importlib import metadata

    wanted = software.transformers_wanted()
    if not any(d.metadata["Name"] == "spacy-transformers" for d in metadata.distributions()):
        assert wanted is None
        pytest.skip("spacy-transformers is not installed (the extra cloudner[shared])")
    assert any(wanted.split(",")[0] in r.replace(" ", "") for r in metadata.requires("spacy-transformers"))


@pytest.mark.parametrize(
    ("names", "major"),
    [
        (["cupy-cuda12x"], 12),
        (["cupy-cuda117"], 11),
        (["cupy"], None),
        (["cupy-cuda12x", "cupy-cuda13x"], None),
        (["cupyx-tools", "spacy"], None),
    ],
)
def test_cupy_packages(monkeypatch, names, major):
    @dataclasses.dataclass
    class Installed:
        metadata: dict
        version: str = "13.6.0"

    monkeypatch.setattr(software.metadata, "distributions", lambda: [Installed({"Name": n}) for n in names])
    packages, found = software.cupy_packages()
    assert found == major
    assert packages == tuple(f"{n} 13.6.0" for n in names if n.startswith("cupy-") or n == "cupy")


@pytest.mark.gpu
def test_a_real_gpu_is_seen():
    found = detect_hardware(10)
    assert found.torch_sees_gpu
    assert found.gpus[0].memory_total > 2**30
    assert found.gpus[0].compute_capability
