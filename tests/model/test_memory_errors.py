"""Errors that mean that memory ran out, told from those that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cloudner.errors import NonFiniteLossError
from cloudner.model.memory_errors import is_out_of_memory

# As torch, CUDA's libraries and CuPy word them.
MEMORY = {
    "allocator": "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB",
    "runtime": "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call",
    "driver": "CUDA driver error: out of memory",
    "hip": "HIP error: out of memory",
    "cublas": "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cublas handle": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cublasLt handle": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasLtCreate(&handle)`",
    "cudnn 8": "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cudnn 9": "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    "cusolver": "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "pinned": "cudaHostAlloc failed: out of memory",
    "cupy": "cudaErrorMemoryAllocation: out of memory",
    "windows": "[enforce fail at alloc_cpu.cpp:115] data. DefaultCPUAllocator: not enough memory: you tried to allocate",
    "c++": "std::bad_alloc",
}

OTHER = {
    "assert": "CUDA error: device-side assert triggered",
    "illegal": "CUDA error: an illegal memory access was encountered",
    "no kernel": "CUDA error: no kernel image is available for execution on the device",
    "cublas elsewhere": "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasSgemm( handle, opa, opb)`",
    "cublas failed": "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb)`",
    "cudnn start": "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
    "shapes": "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)",
}


@pytest.mark.parametrize("text", MEMORY.values(), ids=MEMORY)
def test_an_allocation_outside_of_torchs_allocator(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))


@pytest.mark.parametrize("text", OTHER.values(), ids=OTHER)
def test_other_failures_of_the_device(text: str) -> None:
    assert not is_out_of_memory(RuntimeError(text))


def test_torchs_own_type() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("whatever it says"))


def test_the_host_has_no_more() -> None:
    with pytest.raises(RuntimeError) as torch_error:
        torch.empty(1 << 55, dtype=torch.uint8)
    assert is_out_of_memory(torch_error.value)
    with pytest.raises(MemoryError) as numpy_error:
        np.empty(1 << 55, dtype=np.uint8)
    assert is_out_of_memory(numpy_error.value)


def test_a_text_that_is_quoted_is_no_failure() -> None:
    quoted = NonFiniteLossError("step 3: inf, batch texts 'CUDA error: out of memory'")
    assert not is_out_of_memory(quoted)
    assert not is_out_of_memory(KeyError("std::bad_alloc"))
