"""`.spacy` files are opened in one way, whoever reads them."""

import zlib

import fsspec
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from cloudner.calibration import calibrate
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.docbin.load import load_docbin
from cloudner.corpus.inspection.inspect import inspect_corpus
from cloudner.corpus.training.reader import Corpus, reader_for
from cloudner.errors import InputError
from cloudner.hardware import CorpusStats
from cloudner.report.evaluate import evaluate

READERS = {
    "convert": lambda path: convert(path, path.with_name("out.jsonl"), format="spacy"),
    "inspect": inspect_corpus,
    "train": lambda path: list(Corpus(path)(spacy.blank("en"))),
    "plan": CorpusStats.from_path,
    "evaluate": lambda path: evaluate(spacy.blank("en"), path),
    "calibrate": lambda path: calibrate(spacy.blank("en"), path),
}


def whole():
    return DocBin(docs=[Doc(Vocab(), words=["Ann", "left"], ents=["B-PER", "O"])]).to_bytes()


def without_strings():
    """A file of which every part can be unpacked, but which does not fit together."""
    import srsly

    message = srsly.msgpack_loads(zlib.decompress(whole()))
    message["lengths"] = message["lengths"][:0]
    message["strings"] = None
    return zlib.compress(srsly.msgpack_dumps(message))


DAMAGED = {"no zip": b"not a DocBin", "cut": whole()[:-9], "inside": without_strings()}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_one_error_in_the_same_words(reader, damage, tmp_path):
    path = tmp_path / "a.spacy"
    path.write_bytes(DAMAGED[damage])
    with pytest.raises(InputError) as caught:
        READERS[reader](path)
    assert caught.value.file == str(path)
    assert caught.value.found.startswith("not a complete .spacy file")
    assert caught.value.fix == "convert it again, or copy it again"


def test_a_path_and_a_source_give_the_same(tmp_path):
    path = tmp_path / "a.spacy"
    path.write_bytes(whole())
    assert len(load_docbin(path)) == 1
    with pytest.raises(InputError, match="there is no such file"):
        load_docbin(tmp_path / "b.spacy")


def test_data_of_an_object_store_are_read_for_evaluation_and_calibration():
    fs = fsspec.filesystem("memory")
    with fs.open("/dev/gold.csv", "w") as stream:
        stream.write('text,entities\nAnn left,"[[0, 3, ""PER""]]"\n')
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "PER", "pattern": "Ann"}])
    assert [len(eg.reference.ents) for eg in reader_for(nlp, "memory://dev/gold.csv")(nlp)] == [1]
    assert evaluate(nlp, "memory://dev/gold.csv", rounds=10).strict.micro.f1 == 1.0
    with pytest.raises(InputError, match="no cloudner component"):
        calibrate(nlp, "memory://dev/gold.csv")
