"""The spaCy component `cloudner`: a named-entity recogniser that tags with a transformer."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples
from spacy.vocab import Vocab
from thinc.api import Model, Optimizer

from cloudner.component_state import ComponentState, check_model
from cloudner.errors import ConfigError
from cloudner.pieces.annotations import Prediction, write_candidates, write_confidences, write_entities
from cloudner.pieces.cache import key_of
from cloudner.pieces.gold import gold_tags, learnt_spans, mentions_in, tell_misaligned
from cloudner.pieces.labels import check_labels, given_labels, labels_of

# At import, since a pickled pipeline is put together again without its `__init__`.
if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=None)


class Cloudner(ComponentState):
    """Tags tokens with a transformer and sets `doc.ents`, as spaCy's `ner` does."""

    only_reads = True  # `update` leaves its documents as they are: no need to copy them first
    _tags = True  # what the model scores

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "cloudner",
        *,
        confidence: bool = True,
        threshold: float = 0.0,
        o_shift: Union[float, str] = "auto",  # noqa: UP007
        gold_spans_key: Optional[str] = None,  # noqa: UP045
        spans_key: Optional[str] = None,  # noqa: UP045
        spans_floor: float = 0.1,
        scorer: Optional[Callable] = None,  # noqa: UP045
    ) -> None:
        check_model(model, name, tags=self._tags)
        self.vocab, self.model, self.name, self.scorer = vocab, model, name, scorer
        self.cfg: dict[str, Any] = {
            "labels": [],
            "confidence": confidence,
            "threshold": threshold,
            "temperature": 1.0,
            "o_shift": o_shift,
            "fitted_o_shift": 0.0,
            "platt": [1.0, 0.0],
            "gold_spans_key": gold_spans_key,
            "spans_key": spans_key,
            "spans_floor": spans_floor,
        }
        self._check_settings()
        self._configured = self._settings()

    def _check_settings(self) -> None:
        for setting in ("threshold", "spans_floor"):
            if not 0 <= (value := self.cfg.get(setting, 0.0)) <= 1:
                raise ConfigError(f"{setting} = {value}", expected="a probability from 0 to 1")
        o_shift = self.cfg.get("o_shift", "auto")
        if o_shift != "auto" and not (isinstance(o_shift, (int, float)) and abs(o_shift) < math.inf):
            raise ConfigError(f"o_shift = {o_shift!r}", expected='"auto" or a number')

    # -- initialisation ---------------------------------------------------------------------------------------

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,  # noqa: UP045
        labels: Optional[Sequence[str]] = None,  # noqa: UP045
        base: Optional[str] = None,  # noqa: UP045
    ) -> None:
        """Load the pretrained encoder, make a fresh head for the labels, and resolve what the training config left
        "auto" now that the data is known.

        labels: all labels in order, each once; without them they are collected from all examples. base: the folder of a
        trained component, such as training/model-best/cloudner, to go on from in place of the pretrained encoder; labels
        that it does not have are added to its head. Raises ConfigError when there are no labels, InputError for a damaged
        base.
        """
        from cloudner.corpus.training.once import keep
        from cloudner.model.training.steps import replace_default_optimizer

        examples = list(get_examples())
        validate_examples(examples, "Cloudner.initialize")
        keep(examples)
        tell_misaligned(examples, self._learnt_spans, self.name)
        if labels is not None:
            labels = given_labels(labels, self.name)
        if base is not None:
            self._go_on_from(Path(base), examples, labels)
            if nlp is not None:
                self._resolve(nlp, examples)
            return
        if labels is None:
            labels = self._labels_of(examples)
        check_labels(labels, examples, self.name, self._learns_from)
        self.cfg["labels"] = labels
        self._forget_calibration()
        for label in labels:
            self.vocab.strings.add(label)
        self.model.set_dim("nO", len(self._outputs), force=True)
        if self.model.has_ref("tok2vec"):
            tok2vec = self.model.get_ref("tok2vec")
            sample = [eg.predicted for eg in examples[:10] if len(eg.predicted)]
            tok2vec.initialize(X=sample or None)
            from cloudner.model.runners.shared import width_of

            self._shim.runner.start(len(self._outputs), width_of(tok2vec, sample))
        else:
            self._shim.runner.start(len(self._outputs))
        self._weigh_tags(examples)
        if nlp is not None:
            if not self.model.has_ref("tok2vec"):
                trained = (pipe for _, pipe in nlp.pipeline if getattr(pipe, "is_trainable", False))
                alone = all(isinstance(pipe, Cloudner) for pipe in trained)
                replace_default_optimizer(nlp.config, self._shim.network.width, alone=alone)
            self._resolve(nlp, examples)

    def _resolve(self, nlp: Language, examples: list[Example]) -> None:
        """What the training config left open, now that the pipeline and its data are known."""
        from cloudner.model.training.steps import resolve_training

        resolve_training(nlp.config, examples)

    def _go_on_from(self, base: Path, examples: list[Example], labels: Sequence[str] | None) -> None:
        """Weights and labels of a trained component, and a row of the head for each label that is new."""
        from cloudner.model.settings import check_smoothing

        if not (base / "cfg").is_file() and (base / "config.cfg").is_file():
            inside = sorted(file.parent.parent.name for file in base.glob("*/model/*.safetensors"))
            raise ConfigError(
                f"{self.name}: base = {str(base)!r} is a whole pipeline",
                expected="the folder of one of its components",
                fix=", or ".join(f"base = {str(base / each)!r}" for each in inside) or None,
            )
        self.from_disk(base, exclude=["vocab"])
        settings = self._shim.runner.settings
        check_smoothing(settings.head, settings.label_smoothing)
        self._forget_calibration()
        for label in labels if labels is not None else self._labels_of(examples):
            self.add_label(label)
        for label in self.labels:
            self.vocab.strings.add(label)
        self._weigh_tags(examples)

    def _learnt_spans(self, reference: Doc) -> Sequence[Span]:
        return learnt_spans(reference, self.cfg["gold_spans_key"])

    def _labels_of(self, examples: Sequence[Example]) -> list[str]:
        return labels_of(examples, self.cfg["labels"], self.cfg["gold_spans_key"])

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
        """How many batches are launched before the current one is finished."""
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

        drop: dropout before the head. `losses` grows by the mean loss per labelled token.
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
        if not any(len(eg.predicted) for eg in examples):
            return losses
        tags = gold_tags(examples, self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
        n_labelled = int((tags >= 0).sum())
        if n_labelled or shared:  # a listener's backprop must be called in any case
            gold = Gold([eg.predicted for eg in examples], tags, [key_of(eg) for eg in examples], drop)
            if not shared and self._shim.runner.settings.swap_entities:
                gold.mentions = mentions_in(examples, tags, self.scheme)
            loss, backprop = self.model.begin_update(gold)
            backprop(loss)
            self._shim.add_loss(losses, self.name, loss, n_labelled)
        if sgd not in (None, False):
            self.finish_update(sgd)
        return losses

    def finish_update(self, sgd: Optimizer) -> None:
        """Divide the accumulated gradients by the number of labelled tokens, clip, and step. Raises
        NonFiniteLossError, with all weights as they were, when a gradient is not finite."""
        self.model.finish_update(sgd)
        self.model.attrs["learn_rate"] = self._shim.learn_rate

    def read_late(self) -> None:
        """For a loop that looks at losses now and then: on a GPU a step's loss is in `losses` after the next step, or
        after whatever looks at the weights (evaluation, saving), so that no step waits for the device."""
        self._shim.read_late()

    def join(self, ranks: Any) -> None:
        """For a loop over several processes: from now on a step's gradients are those of all of them. ranks: a
        `cloudner.model.ranks.group.Ranks`, whose `begin` and `exchange` the loop calls."""
        self._shim.join(ranks, self.name)

    def fast_report(self) -> list[dict[str, Any]]:
        """The fast paths tried in training: rows of "name", "used", "why" and, where measured, "ratio" (time of a plain pass
        over theirs), "difference" (relative, of the gradients) and "seconds" (of the proof)."""
        return self._shim.fast_report()

    def get_loss(self, examples: Iterable[Example], scores: Any) -> tuple[float, Any]:
        """The mean loss per labelled token under `scores`, the Emissions of `self.model.predict`, and None: the
        gradient is computed with the loss, in `update`. As in training: with class weights, smoothing and the CRF's paths, which
        are a document's here and a window's there."""
        import torch

        tags = gold_tags(list(examples), self.scheme, spans_key=self.cfg["gold_spans_key"], name=self.name)
        known = int((tags >= 0).sum())
        if not known:
            return 0.0, None
        device, sizes = self._shim.device, scores.offsets[1:] - scores.offsets[:-1]
        with torch.no_grad():
            given = torch.from_numpy(scores.scores).to(device), torch.from_numpy(tags).to(device)
            loss = self._shim.runner.loss(*given, sizes[sizes > 0])
        return float(loss) / known, None

    def rehearse(self, examples: Iterable[Example], **kwargs: Any) -> Any:
        """Not available: mix some of the earlier data into the new instead."""
        raise NotImplementedError(
            f"{self.name}: no rehearsal for a transformer tagger; add some of the earlier training data to the new"
        )
