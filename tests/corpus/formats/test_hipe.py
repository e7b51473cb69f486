"""HIPE-2020 and HIPE-2022."""

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.reading import put
from corpus.samples.columns import COARSE


def test_hipe_documents_sentences_and_layers(tmp_path):
    content = (
        COARSE
        + "# hipe2022:document_id = a\n# hipe2022:date = 1790-03-03\n"
        + "Ann\tB-pers\tO\tB-pers.ind\tNIL\tNoSpaceAfter\n.\tO\tO\tO\t_\tEndOfLine|EndOfSentence\n"
        + "Unitec\tB-loc\tB-org\tB-loc.adm\tQ30\tNoSpaceAfter\n?\tI-loc\tI-org\tI-loc.adm\tQ30\tEndOfSentence\n"
        + "States\tI-loc\tI-org\tI-loc.adm\tQ30\t_\n\n# hipe2022:document_id = b\nEnd\t_\tO\tO\t_\t_\n"
    )
    path = put(tmp_path, "a.tsv", content)
    report = convert(path, tmp_path / "a.spacy")
    docs = list(DocBin().from_disk(tmp_path / "a.spacy").get_docs(Vocab()))
    assert [doc.text.strip() for doc in docs] == ["Ann. Unitec? States", "End"]
    assert [(ent.text, ent.label_) for ent in docs[0].ents] == [("Ann", "pers"), ("Unitec? States", "loc")]
    assert [token.i for token in docs[0] if token.is_sent_start] == [0, 2]  # none within the entity
    assert [doc.user_data["meta"] for doc in docs] == [{"id": "a", "date": "1790-03-03"}, {"id": "b"}]
    assert docs[1][0].ent_iob_ == ""  # masked: missing, not O
    assert report.issues == {("unsupported", "noted"): 2}
    assert report.examples["unsupported"].done.endswith("--tag-column NE-COARSE-METO reads them instead")
    report = convert(path, tmp_path / "a.spacy", tag_column="NE-FINE-LIT")
    assert (report.issues, report.labels) == ({}, {"pers.ind": 1, "loc.adm": 1})
