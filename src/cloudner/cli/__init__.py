"""`python -m spacy cloudner ...` and `cloudner ...`: one module per command.

spaCy imports this package at every `python -m spacy`, so nothing here may import torch, transformers or a
room of cloudner at module level; each command imports what it needs when it runs.
"""

import importlib
import sys

import typer
from spacy.cli._util import app as spacy_app

from cloudner.cli._shared import Commands

app = typer.Typer(
    name="cloudner",
    cls=Commands,
    help="Transformer NER: hardware, data, training and results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# In the order a user meets them; each module registers its command on `app`.
COMMANDS: tuple[str, ...] = (
    "doctor", "plan", "convert", "inspect", "evaluate", "train", "cross-validate", "tune", "curve", "drift", "review",
    "annotate", "serve",
)  # fmt: skip

for _name in COMMANDS:
    importlib.import_module(f"cloudner.cli.{_name.replace('-', '_')}")
spacy_app.add_typer(app)


def main() -> None:
    """The console script `cloudner`: the same commands without `python -m spacy`."""
    from cloudner.errors import CloudnerError

    try:
        app()
    except CloudnerError as error:
        print(f"cloudner: {error}", file=sys.stderr)
        sys.exit(1)
