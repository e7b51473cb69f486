"""Every encoder family: a step, a prediction, saved, loaded, the same again."""

from __future__ import annotations

import json
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
import transformers
from safetensors.torch import load_file, save_file

import tiny
from cloudner.errors import ConfigError
from cloudner.model.network.encoder import load_pretrained


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_train_predict_save_load(family, encoder_folder, tmp_path, caplog):
    nlp = tiny.make_nlp(encoder_folder(family))
    assert "not whole" not in caplog.text
    before = tiny.weights(nlp)
    losses = [nlp.update(tiny.make_examples(nlp), sgd=tiny.adamw(3e-3))["cloudner"] for _ in range(4)]
    assert losses[-1] < losses[0]
    assert tiny.largest_difference(before, tiny.weights(nlp)) > 0
    long_text = " ".join(text for text, _ in tiny.DATA * 6)  # several windows
    docs = [nlp.make_doc(text) for text, _ in tiny.DATA] + [nlp.make_doc(long_text)]
    scores = nlp.get_pipe("cloudner").model.predict(docs).scores
    assert np.isfinite(scores).all()
    nlp.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    again = loaded.get_pipe("cloudner").model.predict([loaded.make_doc(d.text) for d in docs]).scores
    np.testing.assert_allclose(again, scores, atol=1e-6)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_padding_does_not_change_scores(family, encoder_folder):
    """A doc alone and the same doc beside a longer one."""
    nlp = tiny.make_nlp(encoder_folder(family), predict_pieces=4096)
    short, long = (nlp.make_doc(tiny.DATA[i][0]) for i in (2, 3))
    model = nlp.get_pipe("cloudner").model
    together, alone = model.predict([short, long]), model.predict([short])
    np.testing.assert_allclose(together.scores[: len(short)], alone.scores, atol=2e-5)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_the_longest_window_fits_the_positions(family, encoder_folder):
    """Words of one piece or two fill windows up to the last place."""
    nlp = tiny.make_nlp(encoder_folder(family))
    scores = nlp.get_pipe("cloudner").model.predict([nlp.make_doc(". " * 300)]).scores
    assert scores.shape[0] == 300
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"model_type": "gpt2", "n_layer": 1}, "decoder"),
        ({"model_type": "llama"}, "decoder"),
        ({"model_type": "t5"}, "encoder-decoder"),
        ({"model_type": "bart"}, "encoder-decoder"),
        ({"model_type": "bert", "is_decoder": True}, "decoder"),
    ],
)
def test_models_that_are_no_encoders_are_refused(config, words, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    nlp = spacy.blank("en")
    nlp.add_pipe("cloudner", config=tiny.settings(tmp_path))
    with pytest.raises(ConfigError, match=words) as caught:
        tiny.start(nlp)
    assert "BERT" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_such_folder_or_package():
    for name in ("./no/such/folder", "package:no_such_package_here/model"):
        nlp = spacy.blank("en")
        nlp.add_pipe("cloudner", config=tiny.settings(name))
        with pytest.raises(ConfigError):
            tiny.start(nlp)


# -- nothing a pipeline's folder holds is run ---------------------------------------------------------------------


class _Bomb:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (Path.touch, (self.target,))


def _mine(folder: Path, target: Path) -> None:
    """Pickles under the usual names of weights, and code under the names a config's auto_map gives."""
    for name in ("pytorch_model.bin", "model.bin", "model", "model.pt", "model.pkl", "optimizer.pt"):
        (folder / name).write_bytes(pickle.dumps(_Bomb(target)))
    code = f"from pathlib import Path\nPath({str(target)!r}).touch()\n"
    for name in (
        "modeling_bert.py",
        "configuration_bert.py",
        "tokenization_bert.py",
        "modeling_evil.py",
        "__init__.py",
    ):
        (folder / name).write_text(code)


AUTO_MAP = {
    "AutoConfig": "modeling_evil.EvilConfig",
    "AutoModel": "modeling_evil.EvilModel",
    "AutoTokenizer": "modeling_evil.EvilTokenizer",
}


def test_loading_a_saved_pipeline_runs_no_code(trained_folder, tmp_path):
    import shutil

    folder, target = tmp_path / "pipeline", tmp_path / "was-run"
    shutil.copytree(trained_folder, folder)
    model = folder / "cloudner" / "model"
    config = json.loads((model / "encoder.json").read_text())
    (model / "encoder.json").write_text(json.dumps({**config, "auto_map": AUTO_MAP}))
    cfg = model.parent / "cfg"
    cfg.write_text(json.dumps({**json.loads(cfg.read_text()), "digests": {}}))
    _mine(model, target)
    before = set(sys.modules)
    nlp = spacy.load(folder)
    assert nlp("Marie Curie lived in Paris.").ents
    assert not target.exists()
    assert not [name for name in set(sys.modules) - before if "evil" in name]


def test_a_pickle_in_place_of_the_weights_is_not_opened(trained_folder, tmp_path):
    import shutil

    folder, target = tmp_path / "pipeline", tmp_path / "was-run"
    shutil.copytree(trained_folder, folder)
    (folder / "cloudner" / "model" / "model.safetensors").write_bytes(pickle.dumps(_Bomb(target)))
    with pytest.raises(Exception, match=r"(?i)header|safetensors"):
        spacy.load(folder)
    assert not target.exists()


def test_initialising_from_a_hostile_encoder_runs_no_code(bert, tmp_path):
    import shutil

    folder, target = tmp_path / "encoder", tmp_path / "was-run"
    shutil.copytree(bert, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": AUTO_MAP}))
    _mine(folder, target)
    tiny.make_nlp(folder)
    assert not target.exists()
    # A type that only its own code would know is refused, not trusted.
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "evil", "auto_map": AUTO_MAP}))
    with pytest.raises(ConfigError):
        tiny.make_nlp(folder)
    assert not target.exists()


def test_pickled_weights_are_refused(bert, tmp_path):
    import torch

    folder = tmp_path / "encoder"
    shutil.copytree(bert, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ConfigError, match="safetensors"):
        tiny.make_nlp(folder)


def _without(name):
    return lambda folder: [path.unlink() for path in folder.glob(name)]


def _cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-9])


def _config(**values):
    def change(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))

    return change


def _other_names(folder):
    path = folder / "model.safetensors"
    save_file({f"teacher.{key}": value for key, value in load_file(path).items()}, path, {"format": "pt"})


def _more_tokens(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["Curie", "Warsaw-1"])
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_cut("model.safetensors"), "cannot load the encoder .* copy the folder again"),
        (_cut("config.json"), "cannot load the encoder .* copy the folder again"),
        (_cut("tokenizer.json"), "cannot load the encoder .* copy the folder again"),
        (_without("*token*"), "there is no tokenizer.json .* pip install sentencepiece"),
        (_config(hidden_size=64), "cannot load the encoder .*size mismatch"),
        (_config(num_attention_heads=5), "cannot load the encoder .*attention heads"),
        (_config(max_position_embeddings=2), "reads 2 word pieces at a time"),
        (_other_names, "none of the names of its config.json"),
        (_more_tokens, "its weights end at .*resize_token_embeddings"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_damaged_encoder_is_one_line(bert, damage, words, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "encoder")
    damage(folder)
    with pytest.raises(ConfigError, match=words) as caught:
        load_pretrained(str(folder))
    assert "\n" not in str(caught.value)


def test_weights_that_begin_with_random_values_are_told(bert, tmp_path, caplog):
    folder = shutil.copytree(bert, tmp_path / "encoder")
    _config(num_hidden_layers=3)(folder)
    load_pretrained(str(folder))
    assert "is not whole: 16 of its 53 weights" in caplog.text
    assert "encoder.layer.2.attention" in caplog.text


def test_a_saved_pipeline_holds_json_and_safetensors_only(trained_folder):
    kinds = {path.suffix for path in (trained_folder / "cloudner").rglob("*") if path.is_file()}
    assert kinds <= {"", ".json", ".safetensors"}
    json.loads((trained_folder / "cloudner" / "cfg").read_text())
