"""`cloudner convert`, as it is typed."""

import json

import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from cloudner.cli import app

CSV = 'text,entities\nMarie Curie was in Warsaw.,"[[0, 11, ""PER""], [19, 25, ""LOC""]]"\nNobody.,[]\n'


def docs(path):
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def entities(path):
    return [[(e.text, e.label_) for e in doc.ents] for doc in docs(path)]


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(CSV)
    return path


def test_the_command(source, tmp_path):
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path / "x.spacy"), "--lang", "en"])
    assert result.exit_code == 0
    assert "csv (columns 'text' and 'entities'" in result.stdout
    assert "2 documents, 8 tokens, 2 entities" in result.stdout
    assert entities(tmp_path / "x.spacy")[0][0] == ("Marie Curie", "PER")
    result = CliRunner().invoke(
        app, ["convert", str(source), str(tmp_path / "y.spacy"), "--json", "--label", "PER=P"]
    )
    assert json.loads(result.stdout)["labels"] == {"P": 1, "LOC": 1}
    result = CliRunner().invoke(app, ["convert", str(source)])
    assert result.exit_code == 1
    assert "one path is given" in result.stderr


def test_the_command_for_train_dev_and_test(source, tmp_path):
    corpus = tmp_path / "corpus"
    arguments = ["convert", "--train", str(source), "--train", str(source), "--dev", str(source)]
    result = CliRunner().invoke(app, [*arguments, str(corpus)])
    assert result.exit_code == 0
    assert len(entities(corpus / "train.spacy")) == 2 * len(entities(corpus / "dev.spacy")) == 4
    result = CliRunner().invoke(app, [*arguments, str(corpus), "--to", "conll", "--json"])
    assert [json.loads(result.stdout)[name]["docs"] for name in ("train", "dev")] == [4, 2]
    assert {path.name for path in corpus.glob("*.conll")} == {"train.conll", "dev.conll"}
    for wrong in ([str(source), str(corpus)], [str(corpus), "--split", "80/20"]):
        result = CliRunner().invoke(app, [*arguments, *wrong])
        assert result.exit_code == 1
        assert "one path, the folder of the output" in result.stderr


def test_a_split_without_a_file_is_told_before_anything_is_written(source, tmp_path):
    result = CliRunner().invoke(
        app, ["convert", "--train", str(source), "--dev", "", str(tmp_path / "corpus")]
    )
    assert result.exit_code == 1
    assert "--dev is empty" in result.stderr
    assert "--split 80/10/10" in result.stderr
    assert not (tmp_path / "corpus").exists()


def test_quotes_that_the_project_runner_of_windows_passes_on(source, tmp_path):
    spaced = tmp_path / "my data.jsonl"
    spaced.write_bytes(source.read_bytes())
    result = CliRunner().invoke(app, ["convert", "--train", f'"{spaced}"', str(tmp_path / "corpus")])
    assert result.exit_code == 0, result.stderr
