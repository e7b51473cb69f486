"""An update from its base to the config that trains it, step by step as its data comes in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudner.errors import ConfigError
from cloudner.training.corpora import Corpora
from cloudner.training.replay import Row, add_old, fill_in, labels_in
from cloudner.training.shipped import config_file
from cloudner.training.updating import open_base, updating_config


class Update:
    """The base, and what is decided of the new and the old documents. Raises as `open_base` does."""

    def __init__(self, base: str | Path, output: Path, config: Path, device: str) -> None:
        self.base, self.output, self.config, self.device = open_base(base, output), output, config, device
        self.labels: list[str] = []
        self.rows: list[Row] = []

    @property
    def language(self) -> str:
        return str(self.base.config["nlp"]["lang"])

    def fill_in(self, train: Path) -> None:
        """See `replay.fill_in`; called before a dev part is split off, which is filled in so too."""
        self.labels = labels_in(train, self.base.spans_key)
        if not self.labels:
            raise ConfigError(f"no entity in the new documents ({train})", expected="annotated documents")
        lacking = [label for label in self.base.labels if label not in self.labels]
        self.rows = fill_in(train, self.base.folder, lacking, self.device, self.base.spans_key)

    def finish(
        self, corpora: Corpora, old: Any, replay: float, seed: int, reading: Mapping[str, Any]
    ) -> Path:
        """Add old documents to the train part, say so in its rows, and write the config; its file. reading: settings of
        `cloudner.convert` for `old`; where the base says what it was trained on, its config has them."""
        new_labels = [label for label in self.labels if label not in self.base.labels]
        made, rows = updating_config(self.config, self.base, new_labels)
        corpora.rows += [*rows, *self.rows, *self._replayed(corpora, old, replay, seed, reading)]
        return config_file(made, self.output)

    def _replayed(
        self, corpora: Corpora, old: Any, replay: float, seed: int, reading: Mapping[str, Any]
    ) -> list[Row]:
        if old is None:
            old, said = self.base.training_data()
            if old is None:
                return [("replay", "none", said)]
            reading = {"lang": self.language, **self.base.reading}
        others = [path for name, path in corpora.files.items() if name != "train"]
        return add_old(
            corpora.files["train"],
            old,
            replay,
            never=others,
            seed=seed,
            reading=reading,
            key=self.base.spans_key,
        )
