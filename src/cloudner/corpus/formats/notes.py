"""What several readers note on a record that it cannot hold."""

from __future__ import annotations


def left_out(column: str, read: str, option: str = "tag") -> tuple[str, str, str]:
    """The note on a column that holds annotation too and is not the one that is read."""
    return (
        "unsupported",
        "noted",
        f"{column!r} holds {'tags' if option == 'tag' else 'spans'} too, {read!r} is read;"
        f" --{option}-column {column}",
    )
