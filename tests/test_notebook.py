"""In a real Jupyter kernel: what stands on stderr becomes a pink box."""

from __future__ import annotations

import json
import sys

import pytest

CELLS = """
import cloudner
nlp = cloudner.load({pipeline!r})
---
docs = list(nlp.pipe(["Marie Curie lived in Paris."] * 3))
docs[0].ents
---
from spacy.tokens import DocBin
DocBin(docs=docs).to_disk({data!r})
cloudner.evaluate(nlp, {data!r}, rounds=10)
"""


TRAINING = """
import cloudner
pairs = [(f"In {{1800 + i}} Ada slept.", [(8, 11, "PER")]) for i in range(20)]
settings = {{"training.max_epochs": 0, "training.max_steps": 12, "training.eval_frequency": 3,
            "training.optimizer.learn_rate.total_steps": 13}}
result = cloudner.train(pairs, config="cpu", encoder={encoder!r}, output={output!r}, device="cpu", overrides=settings)
---
result
"""


@pytest.fixture
def outputs(tmp_path, monkeypatch):
    """Runs cells in a kernel of this environment; their outputs, in order."""
    pytest.importorskip("ipykernel")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    kernels = tmp_path / "jupyter" / "kernels" / "here"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "here", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    def execute(text):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in text.split("---")]
        nbclient.NotebookClient(notebook, kernel_name="here").execute()
        return [output for cell in notebook.cells for output in cell.outputs]

    return execute


@pytest.mark.slow
def test_nothing_stands_in_a_pink_box(trained_folder, tmp_path, outputs):
    found = outputs(CELLS.format(pipeline=str(trained_folder), data=str(tmp_path / "data.spacy")))
    assert [output.text for output in found if output.output_type == "stream"] == []
    assert "(Marie Curie, Paris)" in found[0].data["text/plain"]
    assert "<table>" in found[1].data["text/html"]


@pytest.mark.slow
def test_a_training_is_one_table_that_grows(bert, tmp_path, outputs):
    found = outputs(TRAINING.format(encoder=str(bert), output=str(tmp_path / "training")))
    pages = [output.data["text/html"] for output in found if "text/html" in output.get("data", {})]
    (table,) = [page for page in pages if "<th style='text-align:right'>epoch</th>" in page]
    assert table.count("<tr") == 6  # a heading, and an evaluation at the steps 0, 3, 6, 9 and 12
    assert "Best dev F1" in table
    assert "cloudner-training" in pages[-1]
    printed = "".join(output.text for output in found if output.output_type == "stream")
    assert "epoch     step" not in printed
