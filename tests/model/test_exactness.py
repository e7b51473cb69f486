"""One step is one step: however its documents are split, ordered, batched or recomputed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import tiny

TEXTS = [
    *tiny.DATA,
    ("Ada Lovelace saw Oxford from afar, and " * 9 + "Paris", [(0, 12, "PER")]),
    ("Oxford", [(0, 6, "LOC")]),
]


def stepped(encoder, splits, **model):
    """Weights after one step over `TEXTS`, accumulated over `splits` of it; SGD-like, so that rounding stays small."""
    nlp = tiny.make_nlp(encoder, **model)
    examples = tiny.make_examples(nlp, TEXTS)
    pipe = nlp.get_pipe("cloudner")
    for split in splits:
        pipe.update([examples[i] for i in split])
    gradients = {
        k: p.grad.clone() for k, p in pipe.model.shims[0].network.named_parameters() if p.grad is not None
    }
    labelled = pipe.model.shims[0].labelled
    pipe.finish_update(
        tiny.adamw(1e-3, eps=1e-2)
    )  # a large eps: Adam otherwise makes 1e-3 of a rounding error
    return tiny.weights(nlp), gradients, labelled


@pytest.mark.parametrize("head", ["softmax", "crf"])
@pytest.mark.parametrize(
    ("splits", "model"),
    [
        ([[0, 1, 2, 3, 4, 5]], {"batch_pieces": 40}),
        ([[0, 1, 2, 3, 4, 5]], {"batch_pieces": 8192}),
        ([[5, 4, 3, 2, 1, 0]], {}),
        ([[0, 1, 2], [3, 4, 5]], {}),
        ([[0], [1, 2, 3, 4], [5]], {}),
        ([[i] for i in range(6)], {"batch_pieces": 1}),
    ],
    ids=["small micro-batches", "one micro-batch", "other order", "halves", "uneven", "one by one"],
)
def test_the_same_step(bert, head, splits, model):
    whole, whole_gradients, n = stepped(bert, [[0, 1, 2, 3, 4, 5]], head=head)
    other, gradients, m = stepped(bert, splits, head=head, **model)
    assert n == m
    assert gradients.keys() == whole_gradients.keys()
    for key, gradient in gradients.items():
        torch.testing.assert_close(gradient, whole_gradients[key], atol=1e-4, rtol=1e-4)
    assert tiny.largest_difference(whole, other) < 1e-6


def test_uneven_losses_are_not_averaged_by_batch(bert):
    """The step is that of the mean over tokens, not of the mean of batches' means: a batch of one token weighs one."""
    _, gradients, n = stepped(bert, [[5], [0, 1, 2, 3, 4]])
    _, alone, one = stepped(bert, [[5]])
    _, rest, others = stepped(bert, [[0, 1, 2, 3, 4]])
    assert (n, one) == (one + others, 1)
    for key, gradient in gradients.items():
        torch.testing.assert_close(gradient, alone[key] + rest[key], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("change", ["label", "device"])
def test_gradients_of_a_network_that_has_changed_are_forgotten(bert, change):
    """All of them: the encoder's without the head's, divided by the tokens of what came after, would be another step."""
    made = []
    for before in (True, False):
        nlp = tiny.make_nlp(bert)
        pipe = nlp.get_pipe("cloudner")
        examples = tiny.make_examples(nlp)
        if before:
            pipe.update(examples[:1])
        torch.manual_seed(1)
        if change == "label":
            pipe.add_label("EVENT")
        else:
            pipe.model.shims[0].to_device("cpu", -1)
        pipe.update(examples[1:], sgd=tiny.adamw(1e-3, eps=1e-2))
        made.append(tiny.weights(nlp))
    assert tiny.largest_difference(*made) < 1e-6


def test_copying_and_saving_leave_accumulated_gradients_alone(bert):
    made = []
    for look in (True, False):
        nlp = tiny.make_nlp(bert)
        pipe = nlp.get_pipe("cloudner")
        examples = tiny.make_examples(nlp)
        pipe.update(examples[:1])
        if look:
            other = pipe.model.copy()
            assert all(p.grad is None for p in other.shims[0].network.parameters())
            assert other.shims[0].labelled == 0
            nlp.to_bytes()
            nlp(examples[0].text)
        pipe.update(examples[1:], sgd=tiny.adamw(1e-3, eps=1e-2))
        made.append(tiny.weights(nlp))
    assert tiny.largest_difference(*made) < 1e-6


def test_gradient_checkpointing_gives_the_same_gradients(bert):
    _, plain, _ = stepped(bert, [[0, 1, 2, 3, 4, 5]])
    _, again, _ = stepped(bert, [[0, 1, 2, 3, 4, 5]], gradient_checkpointing=True)
    for key, gradient in again.items():
        torch.testing.assert_close(gradient, plain[key], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["first", "mean", "max"])
def test_predictions_do_not_depend_on_micro_batches(bert, pooling):
    nlp = tiny.make_nlp(bert, pooling=pooling)
    model = nlp.get_pipe("cloudner").model
    runner = model.shims[0].runner
    docs = [nlp.make_doc(text) for text, _ in TEXTS]
    scores = []
    for budget in (1, 60, 100_000):
        runner.settings.predict_pieces = budget
        scores.append(model.predict(docs).scores)
    np.testing.assert_allclose(scores[0], scores[2], atol=1e-5)
    np.testing.assert_allclose(scores[1], scores[2], atol=1e-5)


def test_pooling_is_what_its_name_says(bert):
    """Vectors of a token of several pieces against numpy over the encoder's own output."""
    nlp = tiny.make_nlp(bert)
    runner = nlp.get_pipe("cloudner").model.shims[0].runner
    doc = nlp.make_doc("Antidisestablishment in Warsaw")
    (pieces,) = runner.tokenizer.encode([doc])
    assert pieces.counts[0] > 2
    special = runner.tokenizer.special
    ids = torch.tensor([[special["cls"], *pieces.ids.tolist(), special["sep"]]])
    network = runner.network.eval()
    with torch.no_grad():
        hidden = network.encoder(input_ids=ids).last_hidden_state[0, 1:-1].numpy()
        parts = np.split(hidden, np.cumsum(pieces.counts)[:-1])
        for pooling, reduce in (
            ("first", lambda p: p[0]),
            ("mean", lambda p: p.mean(0)),
            ("max", lambda p: p.max(0)),
        ):
            network.pooling = pooling
            from cloudner.model.network.sequences import Prepared

            prepared = Prepared([pieces], runner.windows)
            batch, _ = prepared.sequences(
                np.array([0]), special, torch.device("cpu"), most=512, counts=True, cases=False
            )
            vectors = network.token_vectors(batch).numpy()
            np.testing.assert_allclose(vectors, np.stack([reduce(p) for p in parts]), atol=1e-5)
