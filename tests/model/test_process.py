"""Switches of the whole process: set where the user has not, and only by a command."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from cloudner.model import process
from cloudner.model.process import expand_segments, segment_setting

SETTING = "expandable_segments:True"


@pytest.mark.parametrize(
    ("environment", "version", "expected"),
    [
        ({}, "2.4.0", ("PYTORCH_CUDA_ALLOC_CONF", SETTING)),
        ({"PYTORCH_ALLOC_CONF": ""}, "2.9.1+cu128", ("PYTORCH_CUDA_ALLOC_CONF", SETTING)),
        ({}, "2.13.0+cu130", ("PYTORCH_ALLOC_CONF", SETTING)),
        ({}, "2.11.0a0+git1234", ("PYTORCH_ALLOC_CONF", SETTING)),
        ({"PYTORCH_CUDA_ALLOC_CONF": "max_split_size_mb:64"}, "2.13.0", None),
        ({"PYTORCH_ALLOC_CONF": "expandable_segments:False"}, "2.13.0", None),
    ],
)
def test_the_allocator_is_set_where_the_user_has_not(environment, version, expected):
    assert segment_setting(environment, version) == expected


@pytest.mark.skipif(torch.version.cuda is not None, reason="needs a torch without CUDA")
def test_without_cuda_the_environment_stays(monkeypatch):
    for name in process._NAMES:
        monkeypatch.delenv(name, raising=False)
    assert not expand_segments()
    assert not any(name in os.environ for name in process._NAMES)


GROWS = """
import torch
from cloudner.model.process import expand_segments
told = expand_segments()
kept = torch.ones(1 << 22, device="cuda")
print(told, all(segment["is_expandable"] for segment in torch.cuda.memory_snapshot()))
"""


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_segments_grow_once_told_before_cuda_begins():
    plain = {name: value for name, value in os.environ.items() if name not in process._NAMES}
    done = subprocess.run(
        [sys.executable, "-c", GROWS], capture_output=True, text=True, timeout=300, check=True, env=plain
    )
    told, grows = done.stdout.split()
    assert told == grows


# In processes of their own: the switch would stay for the tests that follow.


@pytest.fixture
def run(fresh):
    def call(code: str, *arguments: object) -> list[str]:
        done = fresh.run("-c", code, *arguments)
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout.split()

    return call


def test_tf32_is_on_once_asked_for(run):
    code = """
import torch
from cloudner.model.process import allow_tf32
before = torch.backends.cuda.matmul.allow_tf32
allow_tf32()
print(before, torch.backends.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision())
"""
    assert run(code) == ["False", "True", "high"]  # the last is what torch.compile asks


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="torch does not tell")
@pytest.mark.parametrize("chosen", ["allow_tf32 = False", "fp32_precision = 'ieee'"])
def test_who_has_chosen_keeps_it(run, chosen):
    code = f"""
import torch
from cloudner.model.process import allow_tf32
torch.backends.cuda.matmul.{chosen}
allow_tf32()
print(torch.backends.cuda.matmul.fp32_precision)
"""
    assert run(code) == ["ieee"]


LOADED = """
import sys, cloudner, torch
for precision in ("bf16", "fp32"):
    nlp = cloudner.load(sys.argv[1], device=sys.argv[2], precision=precision)
    assert nlp("Marie Curie lived in Paris.").ents
    print(torch.backends.cuda.matmul.allow_tf32)
"""


def test_neither_an_import_nor_a_cpu_switches_it_on(run, trained_folder):
    assert run(LOADED, trained_folder, "cpu") == ["False", "False"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_prediction_in_fp32_on_a_gpu_switches_it_on(run, trained_folder):
    assert run(LOADED, trained_folder, "cuda") == ["False", "True"]
