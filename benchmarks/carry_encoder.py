"""The quickstart's encoder with weights in half the bytes, for a machine that gets neither its package nor a network.

    python -m benchmarks.carry_encoder                      # build/encoder-fp16, about 45 MB
    benchmarks/gpu.sh --encoder-folder build/encoder-fp16   # there

cloudner loads them as fp32, whatever is in the file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from benchmarks.data import PACKAGE, ROOT

TEXTS = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def carry(source: Path, folder: Path) -> int:
    """Writes the folder; returns its bytes."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    for name in TEXTS:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    weights = load_file(source / "model.safetensors")
    half = {k: v.to(torch.float16) if v.is_floating_point() else v for k, v in weights.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    return sum(path.stat().st_size for path in folder.iterdir())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.carry_encoder",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "encoder-fp16")
    parser.add_argument("--encoder", default=PACKAGE)
    given = parser.parse_args(arguments)
    from cloudner.model.network.encoder import resolve_encoder

    size = carry(Path(resolve_encoder(given.encoder)), given.folder)
    print(f"{given.folder}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
