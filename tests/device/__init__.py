"""A CUDA device on the CPU, and what the GPU path must do on it.

`cuda_on_cpu.cpp` gives torch a device "cuda" whose memory is the host's and whose kernels are the CPU's. Dispatch,
autograd, autocast, the gradient scaler and the fused optimizer are torch's own, so placement, number formats, modes, waits
for the device, launches, memory and failures are what they are on a GPU. Not there: CUDA's own kernels and their
rounding, several streams at once, CuPy, graphs, speed.

Whether there is CUDA is asked once in a process, so everything on the device runs in a process of its own: the modules
of `device.runs` print one JSON object a case, and the tests beside this file read them (`conftest.on_device`).

    python -m pytest tests/device                # needs g++; compiled once for a version of torch
    python tests/device/launches.py              # launches of a training step and of a batch of `pipe`, by part
"""
