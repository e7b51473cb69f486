"""What a component knows and how it is saved: settings, labels, weights."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import srsly
from spacy import util
from spacy.errors import Errors
from spacy.pipeline import TrainablePipe
from spacy.training import Example
from thinc.api import Model

from cloudner.atomic import write_json
from cloudner.errors import ConfigError, InputError
from cloudner.json_files import json_of
from cloudner.pieces.gold import gold_tags
from cloudner.pieces.labels import given_labels
from cloudner.pieces.scheme import TagScheme


def check_model(model: Model, name: str, *, tags: bool) -> None:
    """Raises ConfigError for a model of another component. tags: does this one want scores of tags, or of spans?"""
    if model.shims and ("tag_scheme" in model.attrs) == tags:
        return
    those = ["TransformerNER", "SharedNER"] if tags else ["SpansNER"]
    raise ConfigError(
        f"{name}: the model {model.name!r} gives no scores of {'tags' if tags else 'spans'}",
        expected="@architectures = " + " or ".join(f'"cloudner.{each}.v1"' for each in those),
        fix="take the factory of this architecture: cloudner for tags, cloudner_spans for spans",
    )


# What `cfg` has besides settings.
_LEARNT = {"labels", "temperature", "fitted_o_shift", "platt"}


class ComponentState(TrainablePipe):
    """Labels of a component, and its way to and from disk and bytes. Subclasses set `vocab`, `model`, `name` and `cfg`, in
    which "labels" is a list."""

    cfg: dict[str, Any]
    _configured: Mapping[str, Any] = MappingProxyType({})  # the settings as the config said them
    _scheme: TagScheme | None = None

    # -- labels -----------------------------------------------------------------------------------------------

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity labels, in the order of the model's output."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> list[str]:
        """What `initialize(labels=...)` takes, as `spacy init labels` writes it."""
        return list(self.cfg["labels"])

    @property
    def scheme(self) -> TagScheme:
        if self._scheme is None or self._scheme.labels != self.labels:
            self._scheme = TagScheme(self.labels, self.model.attrs["tag_scheme"])
        return self._scheme

    @property
    def _learns_from(self) -> str:
        return (
            "doc.ents" if self.cfg["gold_spans_key"] is None else f"doc.spans[{self.cfg['gold_spans_key']!r}]"
        )

    @property
    def _outputs(self) -> list[str]:
        """What the head has scores for, in order."""
        return self.scheme.tags

    @property
    def _shim(self) -> Any:
        return self.model.shims[0]

    def add_label(self, label: str) -> int:
        """Add a label; 1 if it is new, else 0. A model that is initialised keeps what it has learned of the others.
        Raises ValueError for what is no name; "" is that of a blocked token."""
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        given_labels([label], self.name)
        if label in self.labels:
            return 0
        old = list(self._outputs)
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self._shim.ready:
            self._shim.resize_head(old, self._outputs)
            self.model.set_dim("nO", len(self._outputs), force=True)
            self._weigh_tags()
        return 1

    def _weigh_tags(self, examples: Sequence[Example] | None = None) -> None:
        """Pass the tags to the loss and, with the training examples, how many of each."""
        if not self._shim.ready:
            return
        weights = self._shim.runner.weights
        weights.set_tags(self.scheme.tags)
        if examples is not None and weights.balanced:
            tags = gold_tags(examples, self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
            weights.count(tags)

    # -- saving -----------------------------------------------------------------------------------------------

    def to_disk(self, path: Any, *, exclude: Iterable[str] = ()) -> None:
        """`cfg` (JSON) and the folder `model`: safetensors, configuration and tokenizer of the encoder. `cfg` has the
        digests of these files, so that it does not load with another pipeline's."""
        digests: dict[str, str] = {}
        serialize = {
            "model": lambda p: digests.update(self._shim.write(self.model, Path(p))),
            "cfg": lambda p: write_json(
                p, {**self._saved_cfg(), **({"digests": digests} if digests else {})}
            ),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
        }
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: Any, *, exclude: Iterable[str] = ()) -> "ComponentState":
        """Raises InputError for a folder that is damaged or not whole; the component is then as it was."""
        from cloudner.model.soundness import reading

        saved: dict[str, Any] = {}

        def read_cfg(file: Path) -> None:
            found = self._soundness.read_json(file)
            self._update_cfg(found, str(file))
            saved.update(found)

        deserialize: dict[str, Callable[[Path], Any]] = {
            "cfg": read_cfg,
            "vocab": self._vocab_from_disk(exclude),
            "model": lambda p: self._model_from_disk(p, saved.get("digests", {})),
        }
        with self._as_it_was(str(path), exclude), reading(f"the component {self.name!r}", str(path)):
            util.from_disk(path, deserialize, exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        serialize = {
            "cfg": lambda: srsly.json_dumps(self._saved_cfg()),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "model": self.model.to_bytes,
        }
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "ComponentState":
        """Raises InputError for bytes that are damaged or not whole; the component is then as it was."""
        from cloudner.model.soundness import reading

        deserialize = {
            "cfg": lambda b: self._update_cfg(json_of(b), f"saved bytes of {self.name}, cfg"),
            "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
            "model": self._model_from_bytes,
        }
        with self._as_it_was("saved bytes", exclude), reading(f"the component {self.name!r}", "saved bytes"):
            util.from_bytes(bytes_data, deserialize, exclude)
        return self

    def _settings(self) -> dict[str, Any]:
        return {name: value for name, value in self.cfg.items() if name not in _LEARNT}

    def _saved_cfg(self) -> dict[str, Any]:
        """`cfg`, and what the config said of settings that have been changed since, such as `threshold`."""
        now = self._settings()
        changed = {name: said for name, said in self._configured.items() if now.get(name) != said}
        return {**self.cfg, **({"changed": changed} if changed else {})}

    def _check_settings(self) -> None:
        """Raises ConfigError for a setting that means nothing."""

    def _update_cfg(self, saved: Any, where: str) -> None:
        from cloudner.model.soundness import check_cfg

        check_cfg(saved, where)
        # What config.cfg (or an override at load) says now wins over what was said when the pipeline was saved; where it says
        # the same as then, a setting that was changed in memory is as it was saved.
        for name, said in saved.get("changed", {}).items():
            if name in saved and name in self._configured and self._configured[name] == said:
                self.cfg[name] = saved[name]
        self._check_settings()
        self.cfg["labels"] = list(saved.get("labels", []))
        # Where the vocabulary is not loaded with the component, it has to have them all the same.
        for label in self.labels:
            self.vocab.strings.add(label)
        self.cfg["temperature"] = float(saved.get("temperature", 1.0))
        if "platt" in self.cfg:  # not of spans
            self.cfg["fitted_o_shift"] = float(saved.get("fitted_o_shift", 0.0))
            self.cfg["platt"] = [float(value) for value in saved.get("platt", (1.0, 0.0))]

    def _forget_calibration(self) -> None:
        """What was fitted to other weights than those that are now trained."""
        self.cfg["temperature"] = 1.0
        if "platt" in self.cfg:
            self.cfg.update(platt=[1.0, 0.0], fitted_o_shift=0.0)

    @property
    def _soundness(self) -> Any:
        from cloudner.model import soundness

        return soundness

    @contextmanager
    def _as_it_was(self, where: str, exclude: Iterable[str]) -> Iterator[None]:
        """What is refused leaves the component as it was: a network is looked at before it takes the old one's place, and the
        labels, which are read before it, are put back."""
        before = {**self.cfg, "labels": list(self.labels)}
        if not {"cfg", "model"} & set(exclude):
            self._shim.look_at = lambda network: self._check_head(network.head, where)
        try:
            yield
        except BaseException:
            self.cfg.clear()
            self.cfg.update(before)
            raise
        finally:
            self._shim.look_at = None

    def _check_head(self, head: Any, where: str) -> None:
        self._soundness.check_tags(head.linear.out_features, self.labels, self.scheme, where)

    def _vocab_from_disk(self, exclude: Iterable[str]) -> Callable[[Path], None]:
        def read(folder: Path) -> None:
            if not folder.is_dir():
                raise InputError(
                    "no such folder: inside a pipeline the vocabulary is kept once, beside its components",
                    file=str(folder),
                    fix='from_disk(folder, exclude=["vocab"]), or spacy.load(PIPELINE)',
                )
            self.vocab.from_disk(folder, exclude=exclude)

        return read

    def _model_from_disk(self, path: Path, digests: Mapping[str, str]) -> None:
        self._shim.read(self.model, Path(path), digests)
        self._loaded()

    def _model_from_bytes(self, data: bytes) -> None:
        before = self.model.maybe_get_dim("nO")
        self.model.set_dim(
            "nO", None, force=True
        )  # thinc refuses to change what is set, and labels may differ
        try:
            self.model.from_bytes(data)
        except BaseException:
            self.model.set_dim("nO", before, force=True)
            raise
        self._loaded()

    def _loaded(self) -> None:
        from cloudner.corpus.training.batcher import register_counter

        # For a training that goes on from it, whose first epoch is to be cut as the others are.
        if (cache := getattr(self._shim.runner, "cache", None)) is not None:
            register_counter(cache)
        if self.labels:  # none before it is initialised
            self.model.set_dim("nO", len(self._outputs), force=True)
        self._weigh_tags()
