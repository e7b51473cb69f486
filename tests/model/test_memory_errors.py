"""What counts as memory that ran out."""

from __future__ import annotations

import pytest
import torch
from cloudner.model.memory_errors import is_out_of_memory

NO_ROOM = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    RuntimeError("Pin memory failed: cudaErrorMemoryAllocation"),
    RuntimeError("cudaHostAlloc failed: out of memory"),
]
OTHERS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)"),
    RuntimeError("CUDA error: device-side assert triggered"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("Cannot access data pointer of Tensor that doesn't have storage"),
    ValueError("out of memory"),
    KeyError("CUDA error: out of memory"),
]


@pytest.mark.parametrize("error", NO_ROOM, ids=lambda e: str(e)[:40])
def test_no_room(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize("error", OTHERS, ids=lambda e: str(e)[:40])
def test_another_error(error):
    assert not is_out_of_memory(error)
