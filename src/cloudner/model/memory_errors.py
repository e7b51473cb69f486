"""Memory that ran out: which errors say so (torch has a type of its own for its allocator, and none for the rest), and what
can be given back."""

from __future__ import annotations

import gc
import re

import torch

# Allocations behind the back of torch's allocator fail as plain RuntimeErrors, told apart by their text alone:
# handles and workspaces of CUDA's libraries, pinned host memory, and the host's own memory.
_TEXTS = re.compile(
    r"\b[A-Z]+_STATUS_ALLOC_FAILED\b"  # cuBLAS, cuDNN, cuSOLVER, cuSPARSE, hipBLAS
    r"|\bCUDNN_STATUS_INTERNAL_ERROR_(?:DEVICE|HOST)_ALLOCATION_FAILED\b"  # cuDNN 9
    # A handle cannot be made: the context has no room for it. From any other call the status is a mistake in the code.
    r"|\bCUBLAS_STATUS_NOT_INITIALIZED\b[^\n]*\bcublas(?:Lt)?Create"
    r"|\brocblas_status_memory_error\b"
    r"|\b(?:CUDA|HIP)(?: driver| runtime)?(?: error:)? out of memory\b"
    r"|\bcudaErrorMemoryAllocation\b|\bCUDA_ERROR_OUT_OF_MEMORY\b|\bhipErrorOutOfMemory\b"
    r"|\bcudaHostAlloc\b[^\n]*\b(?:fail|out of memory)"
    r"|\bDefaultCPUAllocator: (?:can't allocate|not enough) memory\b"
    r"|\bstd::bad_alloc\b"
)


def is_out_of_memory(error: BaseException) -> bool:
    """Did memory, the device's or the host's, run out? Such a call may succeed with less data; others raise again.

    True for torch's OutOfMemoryError, for MemoryError (numpy and CuPy raise it), and for a RuntimeError that tells of
    a failed allocation: by cuBLAS or cuDNN, by the CUDA driver or runtime (pinned host memory), or by torch's
    allocator for the CPU. Other types are not looked into, since their text may quote a document. Raises nothing.
    """
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and _TEXTS.search(str(error)) is not None


def free_device_memory() -> None:
    """Give cached memory that no tensor uses back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
