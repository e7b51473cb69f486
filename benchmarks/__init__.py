"""Speed and quality beside other ways to fine-tune and run the same encoder: `python -m benchmarks --help`."""
