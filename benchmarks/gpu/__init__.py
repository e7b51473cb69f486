"""The run for one CUDA machine: what only a GPU can say, most valuable first, each part in a process of its own."""
