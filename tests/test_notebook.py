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


@pytest.mark.slow
def test_nothing_stands_in_a_pink_box(trained_folder, tmp_path, monkeypatch):
    pytest.importorskip("ipykernel")
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    kernels = tmp_path / "jupyter" / "kernels" / "here"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": command, "display_name": "here", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    text = CELLS.format(pipeline=str(trained_folder), data=str(tmp_path / "data.spacy"))
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in text.split("---")]
    nbclient.NotebookClient(notebook, kernel_name="here").execute()
    outputs = [output for cell in notebook.cells for output in cell.outputs]
    assert [output.text for output in outputs if output.output_type == "stream"] == []
    assert "(Marie Curie, Paris)" in outputs[0].data["text/plain"]
    assert "<table>" in outputs[1].data["text/html"]
