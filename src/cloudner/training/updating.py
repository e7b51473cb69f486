"""Going on from a trained pipeline: its config with the training of another, at a rate for what is trained already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudner.errors import ConfigError
from cloudner.json_files import object_of
from cloudner.loading import check_folder, find_pipeline
from cloudner.training.asked import fingerprint

# Of the rate that the first pipeline of the line was trained with: a third of a third, week after week, would learn nothing.
RATE = 1 / 3
# The section of an update's config that says which rate that was; None: its own.
SECTION = "updating"
WARMUP = 0.2
# "auto" again: what suits a machine, not a pipeline.
_OF_THE_MACHINE = ("batch_pieces", "predict_pieces", "gradient_checkpointing", "mixed_precision")
# The components that can go on, and their architectures: with an encoder of their own.
_FACTORIES = {"cloudner": "cloudner.TransformerNER", "cloudner_spans": "cloudner.SpansNER"}
Row = tuple[str, Any, str]
# Of `cloudner.Corpus.v1` and of `cloudner.convert`.
_READING = (
    "format", "align", "labels", "encoding", "text_column", "entities_column", "token_column", "tag_column",
    "sentence_column", "delimiter",
)  # fmt: skip


@dataclass
class Base:
    """A trained pipeline to go on from. folder: where it lies; config: its own, interpolated; labels: of its cloudner
    components; spans_key: the group of spans that they learn, None for `doc.ents`."""

    folder: Path
    config: dict[str, Any]
    labels: list[str] = field(default_factory=list)
    spans_key: str | None = None

    def training_data(self) -> tuple[Path | None, str]:
        """Where the documents are that it was trained on, or None, and in both cases words for a person.

        The place that its config names, from here or from its project's folder; only if the bytes are those that its
        `run.json` remembers, since new documents often lie where the old ones lay.
        """
        config = self.config
        named = config.get("paths", {}).get("train") or config.get("corpora", {}).get("train", {}).get("path")
        if not named:
            return None, "the base does not say where its training data is"
        changed = False
        for place in (Path(named), self.folder.parent.parent / named):
            if place.exists():
                if self._remembered in (None, fingerprint(str(place))):
                    return place, str(place)
                changed = True
        gone = "is another now" if changed else "is not there"
        return None, f"the base's training data ({named}) {gone}; --old FILES, or old=..., says where it is"

    @property
    def reading(self) -> dict[str, Any]:
        """How its config has that data read: settings of `cloudner.convert`."""
        return reading_of(self.config, "train")

    @property
    def _remembered(self) -> str | None:
        """SHA-256 of its training data, None without a record."""
        import json

        try:
            data = json.loads((self.folder.parent / "run.json").read_text(encoding="utf8"))["data"]
            return data.get("paths.train") or data.get("corpora.train.path")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


def reading_of(config: Mapping[str, Any], part: str) -> dict[str, Any]:
    """How a config has the corpus "train" or "dev" read, as settings of `cloudner.convert`."""
    section = config.get("corpora", {}).get(part, {})
    return {name: section[name] for name in _READING if section.get(name) is not None}


def open_base(name: str | Path, output: Path) -> Base:
    """Raises InputError for what is no pipeline, ConfigError where the training would write over it, and where no component
    can go on."""
    from thinc.api import Config

    from cloudner.model.soundness import check_cfg, read_json

    folder = _folder(name)
    check_folder(folder)
    if output.resolve() in folder.resolve().parents:
        raise ConfigError(
            f"base = {str(name)!r} is in the output folder, which this training writes over",
            fix=f"--output {output}-2, or output={str(output) + '-2'!r}",
        )
    made = Base(folder, Config().from_disk(folder / "config.cfg"))
    for component in _trained(made.config):
        cfg = folder / component / "cfg"
        saved = read_json(cfg)
        check_cfg(saved, str(cfg))
        made.labels += saved.get("labels", [])
        section = made.config["components"][component]
        if section["factory"] == "cloudner_spans":
            made.spans_key = section.get("spans_key", "sc")
    return made


def _folder(name: str | Path) -> Path:
    """The folder of a pipeline; of an installed package, the one inside it."""
    found = find_pipeline(name)
    if isinstance(found, Path):
        return found
    from spacy.util import get_package_path

    root = get_package_path(found)
    meta = object_of(root / "meta.json")
    return root / f"{meta['lang']}_{meta['name']}-{meta['version']}"


def _trained(config: dict[str, Any]) -> list[str]:
    """The cloudner components with an encoder of their own. Raises ConfigError where there is none, or one without."""
    found = []
    for name in config["nlp"]["pipeline"]:
        section = config["components"].get(name, {})
        if section.get("factory") not in _FACTORIES:
            continue
        if not str(section["model"].get("@architectures", "")).startswith(_FACTORIES[section["factory"]]):
            raise ConfigError(
                f"the component {name!r} shares another component's encoder: it cannot go on by itself",
                expected=f"{_FACTORIES[section['factory']]}.v1",
            )
        found.append(name)
    if not found:
        raise ConfigError(
            f"no cloudner component in the pipeline ({', '.join(config['nlp']['pipeline']) or 'empty'})",
            expected="a pipeline that `cloudner train` has made",
        )
    if len({config["components"][name]["factory"] for name in found}) > 1:
        raise ConfigError(
            f"both doc.ents and groups of spans are learnt in the pipeline ({', '.join(found)})",
            expected="components of one kind",
        )
    return found


def updating_config(asked: Path, base: Base, new_labels: list[str]) -> tuple[Any, list[Row]]:
    """The config of an update and the rows that say what was decided.

    The pipeline is the base's: cloudner's components begin with its weights ([initialize.components.NAME] base), all others
    are taken over as they are and frozen. So are the scores that choose the best step: those of another pipeline's
    components would be 0. Corpora and training are those of the config that was asked for, the optimizer is the base's with
    a lower peak.
    """
    from thinc.api import Config

    made = Config().from_disk(asked, interpolate=False)
    made["nlp"] = base.config["nlp"]
    made["components"], frozen = {}, []
    made.setdefault("initialize", {}).setdefault("components", {})
    ours = _trained(base.config)
    for name in base.config["nlp"]["pipeline"]:
        if name in ours:
            section = dict(base.config["components"][name])
            section["model"] = {
                key: "auto" if key in _OF_THE_MACHINE else value for key, value in section["model"].items()
            }
            if (
                section["model"].get("head") == "crf"
            ):  # which knows no smoothing; earlier versions took it in silence
                section["model"].pop("label_smoothing", None)
            made["components"][name] = section
            made["initialize"]["components"][name] = {"base": str(base.folder / name)}
        else:
            made["components"][name] = {"source": str(base.folder)}
            frozen.append(name)
    made["training"]["frozen_components"] = frozen
    made["training"]["annotating_components"] = base.config["training"].get("annotating_components", [])
    made["training"]["score_weights"] = base.config["training"].get("score_weights", {})
    rows: list[Row] = [
        ("base", str(base.folder), f"labels {', '.join(base.labels)}; its weights in place of the encoder's")
    ]
    if new_labels:
        rows.append(
            ("new labels", ", ".join(new_labels), "in the data and not in the base: fresh rows of the head")
        )
    return made, rows + _rate(made, base)


def _rate(made: Any, base: Base) -> list[Row]:
    """The base's optimizer, slower: where it is ours with a linear schedule."""
    optimizer = base.config["training"].get("optimizer", {})
    rate = optimizer.get("learn_rate")
    made[SECTION] = {"first_rate": None}
    if not isinstance(rate, dict) or rate.get("@schedules") != "cloudner.linear.v1":
        return [("learn_rate", "the config's", "the base was not trained with cloudner.linear.v1")]
    peak = made[SECTION]["first_rate"] = _first_rate(base.config, float(rate["initial_rate"]))
    made["training"]["optimizer"] = {
        **optimizer,
        "learn_rate": {**rate, "initial_rate": peak * RATE, "warmup": WARMUP, "total_steps": "auto"},
    }
    return [
        (
            "initial_rate",
            f"{peak * RATE:.3g}",
            f"a third of the base's {peak:g}: its weights are near where they belong"
            if peak == float(rate["initial_rate"])
            else f"a third of the {peak:g} that the first base was trained with",
        ),
        ("warmup", WARMUP, "AdamW begins without moments; a longer rise keeps its first steps small"),
    ]


def _first_rate(config: dict[str, Any], own: float) -> float:
    """The peak that the first pipeline was trained with, of which this one is an update of an update."""
    if SECTION in config:
        return float(config[SECTION].get("first_rate") or own)
    started = config.get("initialize", {}).get("components", {}).values()
    if any(isinstance(each, dict) and each.get("base") for each in started):
        return own / RATE  # an update of before this was written down
    return own
