"""tagtog's ann.json beside its plain.html."""

import json

from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
from corpus.samples.words import SPANS, TEXT


def test_tagtog(aligner, tmp_path):
    """Annotations, text and legend lie in three places of an export."""
    (tmp_path / "ann.json/master/pool").mkdir(parents=True)
    (tmp_path / "plain.html/pool").mkdir(parents=True)
    (tmp_path / "annotations-legend.json").write_text(json.dumps({"e_1": "PER", "e_2": "LOC"}))
    html = (
        f'<html id="x"><body><article><h2 id="s1h1">Title</h2><p id="s1p1">{TEXT}</p></article></body></html>'
    )
    (tmp_path / "plain.html/pool/aX.plain.html").write_text(html)
    ann = {
        "annotatable": {"parts": ["s1h1", "s1p1"]},
        "anncomplete": True,
        "entities": [
            {"classId": "e_1", "part": "s1p1", "offsets": [{"start": 0, "text": "Marie Curie"}]},
            {"classId": "e_2", "part": "s1p1", "offsets": [{"start": 24, "text": "Warsaw"}]},
        ],
        "relations": [],
    }
    (tmp_path / "ann.json/master/pool/aX.ann.json").write_text(json.dumps(ann))
    sources = list(open_sources(tmp_path))
    assert len(sources) == 1
    found = detect(sources[0].sample(), sources[0].name).format
    doc = aligner.doc(next(found.read(sources[0], ReadOptions())))
    assert found.name == "tagtog"
    assert doc.text == "Title\n" + TEXT
    assert [(ent.text, ent.label_) for ent in doc.ents] == SPANS
