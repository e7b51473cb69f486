"""The encoders whose memory `benchmarks.memory` measures, and the batches."""

# hidden, layers, heads, intermediate, vocabulary
SHAPES = {
    "minilm-l6": (384, 6, 12, 1536, 30522),
    "bert-small": (512, 4, 8, 2048, 30522),
    "distilbert-like": (768, 6, 12, 3072, 28996),
    "bert-base": (768, 12, 12, 3072, 28996),
    "bert-large": (1024, 24, 16, 4096, 28996),
}
ROWS = 15  # of the counted batch; no multiple of a width, so that no activation has the shape of a weight
# shape, word pieces a micro-batch, row length, checkpointing
CPU_RUNS = [
    ("minilm-l6", 1024, 32, False),
    ("minilm-l6", 4096, 32, False),
    ("minilm-l6", 4096, 128, False),
    ("minilm-l6", 4096, 64, True),
    ("bert-small", 2048, 32, False),
    ("bert-small", 4096, 64, False),
    ("distilbert-like", 1024, 32, False),
    ("bert-base", 512, 32, False),
    ("bert-base", 1024, 64, False),
    ("bert-base", 1024, 64, True),
]
GPU_RUNS = [
    (shape, pieces, length, checkpointing)
    for shape in ("minilm-l6", "bert-base", "bert-large")
    for pieces, length in ((2048, 32), (8192, 32), (8192, 128), (16384, 512))
    for checkpointing in (False, True)
]
