"""Numbers and texts in a config that cannot be meant: one error that names the setting, before anything is computed."""

from __future__ import annotations

import pytest
import spacy
from spacy.util import load_config

from cloudner.errors import ConfigError, first_line
from cloudner.model.training.optimizer import adamw
from cloudner.overrides import check_values
from cloudner.training.resolution import resolve
from cloudner.training.settings_fit import settings_fit
from cloudner.training.shipped import config_file
from cloudner.training.values import names, whole, word

DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (float("inf"), "training.x = inf"),
        (float("nan"), "training.x = nan"),
        ("Infinity", "training.x = Infinity"),
        ("nan", "training.x = nan"),
        (DIGITS, "training.x = 9999"),
        (10**30, "training.x: a number of 100 bits"),
        ([1.0, float("inf")], "training.x = inf"),
        ("\ud800", r"training.x = '\\ud800'"),
    ],
)
def test_no_config_holds_them(value, found):
    with pytest.raises(ConfigError, match=found):
        check_values({"training": {"x": value}})


def test_what_a_config_may_hold(tmp_path):
    check_values(
        {"paths": {"train": "nan", "dev": DIGITS}, "nlp": {"lang": "zh", "n": [2**62, 0.5, None, True]}}
    )
    check_values(load_config(config_file("cpu", tmp_path), interpolate=False))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("components.cloudner.model.window", "wide", "cloudner.window = 'wide'; expected a whole number from 3"),
        ("components.cloudner.model.freeze_layers", {}, "cloudner.freeze_layers = {}; expected a whole number from 0"),
        ("components.cloudner.model.mixed_precision", [], r"cloudner.mixed_precision = \[\]; expected auto, fp32"),
        ("components.cloudner.model.gradient_checkpointing", {}, "cloudner.gradient_checkpointing = {}"),
        ("training.batcher.batch_size", "many", "training.batcher.batch_size = 'many'"),
        ("training.accumulate_gradient", 0.5, "training.accumulate_gradient = 0.5"),
        ("nlp.pipeline", 7, "nlp.pipeline = 7; expected a list of names"),
        ("system.seed", float("inf"), "system.seed.*inf"),  # older versions of spaCy refuse it first
    ],
)  # fmt: skip
def test_settings_that_are_read_before_spacy_checks_them(name, value, message, bert, tmp_path):
    config = config_file("cpu", tmp_path)
    with pytest.raises(ConfigError, match=message):
        resolve(config, gpu_id=-1, overrides={name: value}, encoder=str(bert))


def test_helpers_give_back_what_is_right():
    assert whole(3, "n", 3) == 3
    assert word(None, "p", "a name") is None
    assert names(("a", "b"), "l") == ["a", "b"]
    with pytest.raises(ConfigError, match="n = a number of thousands of digits"):
        whole(10**5000, "n", 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beta2": -1}, "beta2 = -1; expected a number from 0, below 1"),
        ({"beta1": "0.9"}, "beta1 = '0.9'"),
        ({"head_factor": "10"}, "head_factor = '10'; expected a number, 0 or more"),
        ({"layer_decay": 2}, "layer_decay = 2"),
        ({"eps": float("nan")}, "eps = nan"),
    ],
)
def test_optimizer(settings, message):
    with pytest.raises(ConfigError, match=message):
        adamw(**settings)


def test_what_spacy_raises_for_a_setting_names_the_config(tmp_path):
    with pytest.raises(ConfigError) as caught, settings_fit(tmp_path / "a.cfg"):
        int("wide")
    assert str(caught.value).startswith(
        f"{tmp_path}/a.cfg: ValueError: invalid literal for int() with base 10: 'wide' (test_values.py, line "
    )


def test_a_function_whose_package_is_not_installed_is_one_line(tmp_path):
    """spacy.WandbLogger.v3 without wandb raises ImportError as the config is resolved."""
    said = r"a\.cfg: .*cannot be loaded: No module named 'nosuch_package'"
    with pytest.raises(ConfigError, match=said), settings_fit(tmp_path / "a.cfg"):
        import nosuch_package  # noqa: F401


def test_a_function_that_is_not_registered_is_named_with_those_like_it(tmp_path):
    said = r"a\.cfg: no function 'spacy.ConsoleLoger.v3' among the loggers; expected one of spacy.ConsoleLogger.v3, "
    with pytest.raises(ConfigError, match=said), settings_fit(tmp_path / "a.cfg"):
        spacy.registry.get("loggers", "spacy.ConsoleLoger.v3")


def test_what_a_library_says_is_cut_between_words():
    assert first_line(ValueError("word " * 40)).endswith(" word...")
    assert len(first_line(ValueError("a" * 500))) == 160
    assert first_line(ValueError("short\nmore")) == "short"
