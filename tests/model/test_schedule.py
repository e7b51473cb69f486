"""The learning rate over the true number of steps."""

from __future__ import annotations

import itertools

import pytest

import tiny
from cloudner.errors import ConfigError
from cloudner.model.training.schedule import LinearSchedule, linear


def values(n: int, **kwargs) -> list[float]:
    schedule = linear(1.0, **kwargs)
    return [next(schedule) for _ in range(n)]


def test_warms_up_falls_and_ends_at_zero():
    rates = values(101, total_steps=100, warmup=0.1)
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == 1.0
    assert max(rates) == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[99] > 0
    assert rates[100] == 0
    differences = [a - b for a, b in itertools.pairwise(rates[10:100])]
    assert max(differences) - min(differences) < 1e-12
    assert all(rate >= 0 for rate in values(150, total_steps=100))


@pytest.mark.parametrize(("total", "warmup"), [(1, 0.1), (2, 0.5), (3, 0), (10, 0), (5, 20), (7, 3)])
def test_every_step_of_training_learns(total, warmup):
    rates = values(total + 1, total_steps=total, warmup=warmup)
    assert all(rate > 0 for rate in rates[:-1])
    assert rates[-1] == 0
    assert max(rates) <= 1


def test_warmup_in_steps_or_as_a_share():
    assert values(100, total_steps=100, warmup=20) == values(100, total_steps=100, warmup=0.2)


def test_an_unknown_end_stays_at_the_peak():
    assert values(5, total_steps="auto", warmup=2) == [0.5, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "kwargs",
    [
        {"peak": 0},
        {"peak": -1},
        {"peak": 1, "warmup": -0.1},
        {"peak": 1, "total_steps": 0},
        {"peak": 1, "total_steps": "all"},
    ],
)
def test_settings_that_cannot_work(kwargs):
    with pytest.raises(ConfigError):
        LinearSchedule(**kwargs)


def test_a_plain_update_loop_steps_the_schedule(bert):
    """spaCy's training loop steps schedules; a loop of nlp.update does not, and the optimizer makes up for it."""
    nlp = tiny.make_nlp(bert)
    optimizer = tiny.adamw(linear(1.0e-3, total_steps=5, warmup=0))
    examples = tiny.make_examples(nlp)
    shim = nlp.get_pipe("cloudner").model.shims[0]
    plain = []
    for _ in range(6):
        nlp.update(examples, sgd=optimizer)
        plain.append(shim.learn_rate)
    expected = [1.0e-3 * rate for rate in values(6, total_steps=5, warmup=0)]
    assert plain == pytest.approx(expected)
    # And it is not stepped twice where the loop does it, as spaCy's does after each step.
    optimizer = tiny.adamw(linear(1.0e-3, total_steps=5, warmup=0))
    stepped = []
    for _ in range(5):
        nlp.update(examples, sgd=False)
        nlp.get_pipe("cloudner").finish_update(optimizer)
        stepped.append(shim.learn_rate)
        optimizer.step_schedules()
    assert stepped == pytest.approx(expected[:5])


def test_several_components_step_it_once(bert):
    import spacy

    nlp = spacy.blank("en")
    for name in ("one", "two"):
        nlp.add_pipe("cloudner", name=name, config=tiny.settings(bert))
    tiny.start(nlp)
    optimizer = tiny.adamw(linear(1.0e-3, total_steps=4, warmup=0))
    seen = []
    for _ in range(4):
        nlp.update(tiny.make_examples(nlp), sgd=optimizer)
        seen.append([nlp.get_pipe(n).model.shims[0].learn_rate for n in ("one", "two")])
    assert [a for a, _ in seen] == pytest.approx([b for _, b in seen])
    assert [a for a, _ in seen] == pytest.approx([1e-3, 0.75e-3, 0.5e-3, 0.25e-3])


@pytest.mark.parametrize(
    ("docs", "epochs", "max_steps", "every"),
    [
        (8, 12, 0, 500),
        (8, 12, 0, 1),
        (12, 5, 0, 2),
        (40, 20, 0, 500),
        (40, 20, 103, 30),
        (40, 0, 77, 10),
        (4, 1, 0, 500),
    ],
)
def test_steps_are_those_of_the_epochs_and_the_last_one_is_evaluated(docs, epochs, max_steps, every):
    import spacy

    from cloudner.model.training.steps import resolve_training

    nlp = spacy.blank("en")
    examples = tiny.make_examples(nlp, tiny.DATA * (docs // len(tiny.DATA)))
    rate = {"@schedules": "cloudner.linear.v1", "initial_rate": 1e-3, "total_steps": "auto"}
    training = {
        "batcher": {"@batchers": "cloudner.batch_by_pieces.v1", "batch_size": 4},
        "optimizer": {"@optimizers": "cloudner.AdamW.v1", "learn_rate": rate},
        "max_epochs": epochs,
        "max_steps": max_steps,
        "eval_frequency": every,
    }
    made = resolve_training({"training": training}, examples)
    wanted = min(docs // 4 * epochs or max_steps, max_steps + 1 if max_steps else 10**9)
    assert made["total_steps"] == pytest.approx(wanted, rel=0.05, abs=1)
    assert made["max_steps"] == made["total_steps"] - 1 or made["total_steps"] == 2
    assert made["max_steps"] % made["eval_frequency"] == 0
    assert not max_steps or made["max_steps"] <= max_steps
    assert made["eval_frequency"] <= max(every, docs // 4 if epochs else max_steps) * 1.5
    assert training["max_steps"] == made["max_steps"]
    assert rate["total_steps"] == made["total_steps"]


@pytest.mark.parametrize(("docs", "epochs", "min_steps"), [(8, 3, 40), (8, 3, 0), (8, 30, 40), (40, 2, 25)])
def test_a_small_corpus_is_gone_through_until_min_steps(docs, epochs, min_steps):
    import spacy

    from cloudner.model.training.steps import resolve_training

    examples = tiny.make_examples(spacy.blank("en"), tiny.DATA * (docs // len(tiny.DATA)))
    rate = {
        "@schedules": "cloudner.linear.v1",
        "initial_rate": 1e-3,
        "total_steps": "auto",
        "min_steps": min_steps,
    }
    training = {
        "batcher": {"@batchers": "cloudner.batch_by_pieces.v1", "batch_size": 4},
        "optimizer": {"@optimizers": "cloudner.AdamW.v1", "learn_rate": rate},
        "max_epochs": epochs,
        "max_steps": 0,
        "eval_frequency": 500,
    }
    made = resolve_training({"training": training}, examples)
    asked = docs // 4 * epochs
    assert made["total_steps"] == pytest.approx(max(asked, min_steps), rel=0.05, abs=1)
    assert made.get("prolonged_from") == (asked if min_steps > asked else None)
    assert made["max_steps"] % made["eval_frequency"] == 0
    if min_steps > asked:
        assert made["max_steps"] / made["eval_frequency"] <= 15


def test_min_steps_is_a_number_of_steps():
    with pytest.raises(ConfigError, match="min_steps"):
        linear(1e-3, min_steps=-1)


@pytest.mark.parametrize(("max_epochs", "max_steps", "cut_to"), [(3, 2, 2), (0, 5, 5), (3, 5000, None)])
def test_a_number_of_steps_that_ends_training_is_the_reason(max_epochs, max_steps, cut_to):
    """It ends it, whatever min_steps would have prolonged."""
    import spacy

    from cloudner.model.training.steps import resolve_training

    rate = {"@schedules": "cloudner.linear.v1", "initial_rate": 1e-3, "total_steps": "auto", "min_steps": 40}
    training = {
        "batcher": {"@batchers": "cloudner.batch_by_pieces.v1", "batch_size": 4},
        "optimizer": {"@optimizers": "cloudner.AdamW.v1", "learn_rate": rate},
        "max_epochs": max_epochs,
        "max_steps": max_steps,
    }
    made = resolve_training({"training": training}, tiny.make_examples(spacy.blank("en"), tiny.DATA))
    assert made.get("cut_to") == cut_to
    assert ("prolonged_from" in made) == (cut_to is None)


@pytest.mark.parametrize(("total", "told"), [("auto", 1), (3, 0)])
def test_a_rate_that_nothing_resolves_is_told(total, told, trained, caplog):
    """`spacy train` does not initialise a sourced component, which would count the steps."""
    rate = {"@schedules": "cloudner.linear.v1", "initial_rate": 1e-5, "total_steps": total}
    trained.config["training"]["optimizer"] = {"@optimizers": "cloudner.AdamW.v1", "learn_rate": rate}
    optimizer = trained.resume_training()
    for _ in range(2):
        trained.update(tiny.make_examples(trained), sgd=optimizer)
    assert caplog.text.count('The learning rate stays at 1e-05: total_steps = "auto"') == told
