"""The examples, on a small pipeline that knows its texts by heart."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TEXTS = ["Marie Curie lived in Paris.", "Apple bought Beats in 2014", "no entity stands here"]


def example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pydantic look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("to", ["label-studio", "doccano"])
def test_active_learning_round(to: str, trained_folder: Path, tmp_path: Path) -> None:
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    script = example("active_learning")
    pool = tmp_path / "pool.txt"
    unseen = ["Berlin Apple Curie lived Beats", "Paris met Angela in Apple"]
    pool.write_text("\n".join([*TEXTS, *unseen, TEXTS[0], ""]), encoding="utf-8")
    target = tmp_path / ("round.jsonl" if to == "doccano" else "round.json")
    common = ["--to", to, "--model", str(trained_folder)]
    script.main(["pick", str(pool), str(target), "--count", "2", *common])
    rows = list(srsly.read_jsonl(target)) if to == "doccano" else srsly.read_json(target)
    assert len(rows) == 2
    chosen = [row["text"] if to == "doccano" else row["data"]["text"] for row in rows]
    # By heart is certain: what was never seen comes first.
    everything = sorted(
        script.judge(script.load(str(trained_folder)), [*TEXTS, *unseen]), key=lambda c: -c.uncertainty
    )
    assert chosen == [c.text for c in everything[:2]]
    assert all(0 <= c.uncertainty <= 1 for c in everything)
    # A second round does not ask again.
    script.main(["pick", str(pool), str(tmp_path / "second"), "--count", "9", *common])
    second = (
        list(srsly.read_jsonl(tmp_path / "second"))
        if to == "doccano"
        else srsly.read_json(tmp_path / "second")
    )
    texts = [row["text"] if to == "doccano" else row["data"]["text"] for row in second]
    assert sorted([*chosen, *texts]) == sorted([*TEXTS, *unseen])

    # Nor does it write over the first, whose texts would be nowhere then.
    with pytest.raises(SystemExit, match="there already"):
        script.main(["pick", str(pool), str(target), "--count", "9", *common])
    assert (list(srsly.read_jsonl(target)) if to == "doccano" else srsly.read_json(target)) == rows

    # What the annotator sends back: one entity over the first word.
    if to == "doccano":
        answer = [
            {"id": i, "text": text, "label": [[0, text.index(" "), "LOC"]]} for i, text in enumerate(chosen)
        ]
        srsly.write_jsonl(tmp_path / "export.jsonl", answer)
        export = tmp_path / "export.jsonl"
    else:
        for row, text in zip(rows, chosen, strict=True):
            value = {"start": 0, "end": text.index(" "), "text": text.split()[0], "labels": ["LOC"]}
            result = {"from_name": "label", "to_name": "text", "type": "labels", "value": value}
            row["annotations"] = [{"result": [result], "was_cancelled": False}]
        srsly.write_json(tmp_path / "export.json", rows)
        export = tmp_path / "export.json"
    corpus = tmp_path / "corpus" / "round-1.spacy"
    script.main(["add", str(export), str(corpus)])
    docs = list(DocBin().from_disk(corpus).get_docs(Vocab()))
    assert [[(e.text, e.label_) for e in doc.ents] for doc in docs] == [
        [(t.split()[0], "LOC")] for t in chosen
    ]


def test_a_task_for_label_studio_counts_utf16_units() -> None:
    script = example("active_learning")
    task = script.label_studio_task(script.Candidate("🙂 Ada 😀 slept", [(2, 7, "PER", 0.9)], 0.1), "m")
    (result,) = task["predictions"][0]["result"]
    assert result["value"] == {"start": 3, "end": 9, "text": "Ada 😀", "labels": ["PER"]}
