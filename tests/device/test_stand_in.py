"""The device on the CPU keeps to what a CUDA device does."""

from __future__ import annotations

import pytest

from device.conftest import passed

WAITS = {
    "item": ["item"],
    "if": ["item"],
    "cpu": ["copy to host"],
    "from host": ["copy from host"],
    "tensor made there": ["copy from host"],
    "from pinned": [],
    "to pinned": [],
    "not pinned": ["copy from host, not pinned"],
    "mask": ["aten::nonzero"],
    "filled by mask": [],
    "written by mask": ["aten::_index_put_impl_"],
    "index of the host": ["copy from host"],
    "repeated": ["aten::repeat_interleave"],
    "repeated, size known": [],
    "unique": ["aten::_unique2"],
    "computed": [],
    "filled": [],
    "event": ["event"],
    "device": ["device"],
}


@pytest.mark.parametrize("case", WAITS)
def test_where_the_host_waits(on_device, case):
    assert passed(on_device("itself"), f"waits: {case}")["waits"] == WAITS[case]


def test_a_copy_to_the_host_is_there_after_its_event(on_device):
    """Who reads before the event finds no numbers; the event waits for nothing behind it."""
    found = passed(on_device("itself"), "copies")
    assert found["early"]
    assert found["first"] == [0, 1, 2, 3]
    assert found["second too early"]
    assert found["second"] == [1, 2, 3, 4]


def test_launches_without_views(on_device):
    """Of a list of tensors one, as CUDA's kernels take it."""
    found = passed(on_device("itself"), "launches")["launches"]
    assert found == ["copy", "cast", "aten::_foreach_add_"]  # the first by `reshape`


def test_memory_is_counted_and_limited(on_device):
    found = passed(on_device("itself"), "memory")
    assert found["taken"] == 4096  # in blocks of 512 bytes
    assert found["twice"] == 8192
    assert found["left"] == 0
    assert len(found["refused"]) == 2
    assert all("out of memory" in text for text in found["refused"])


def test_a_failure_comes_once_and_in_its_own_words(on_device):
    found = passed(on_device("itself"), "failures")
    assert found["memory"][0] == "OutOfMemoryError"
    assert found["cublas"] == [
        "RuntimeError",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ]
    assert found["pinned"] == ["AcceleratorError", "CUDA error: out of memory"]


def test_tensors_of_two_devices_do_not_mix(on_device):
    found = passed(on_device("itself"), "placement")
    assert "same device" in found["mixed"]
    assert found["scalar"] == [2, 2, 2]


def test_computes_as_the_cpu(on_device):
    found = passed(on_device("itself"), "gradients")
    assert found["torch.float32"] < 1e-5
    assert found["torch.bfloat16"] < 0.05
    assert found["torch.float16"] < 0.05


def test_copies_are_apart(on_device):
    found = passed(on_device("itself"), "deep copy")
    assert found == {"weight": [1, 1, 1], "buffer": [0, 0, 0]}
