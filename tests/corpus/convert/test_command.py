"""`cloudner convert`, as it is typed."""

import json

from typer.testing import CliRunner

from cloudner.cli import app
from corpus.converting import docs_at, entities


def test_the_command(source, tmp_path):
    result = CliRunner().invoke(app, ["convert", str(source), str(tmp_path / "x.spacy"), "--lang", "en"])
    assert result.exit_code == 0
    assert "csv (columns 'text' and 'entities'" in result.stdout
    assert "2 documents, 8 tokens, 2 entities" in result.stdout
    assert entities(docs_at(tmp_path / "x.spacy"))[0][0] == ("Marie Curie", "PER")
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
    assert (
        len(entities(docs_at(corpus / "train.spacy")))
        == 2 * len(entities(docs_at(corpus / "dev.spacy")))
        == 4
    )
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
