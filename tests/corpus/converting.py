"""Converting a text and looking at what comes out."""

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from corpus.reading import put

CSV = 'text,entities\nMarie Curie was in Warsaw.,"[[0, 11, ""PER""], [19, 25, ""LOC""]]"\nNobody.,[]\n'


def converted(tmp_path, name, content, **options):
    """The report and the documents of a file's conversion."""
    path = put(tmp_path, name, content)
    report = convert(str(path), str(tmp_path / "out.spacy"), **options)
    return report, docs_at(tmp_path / "out.spacy")


def docs_at(path):
    """The documents of a `.spacy` file."""
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def entities(docs):
    """(text, label) of every entity, a list for each document."""
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


def missing(docs):
    """How many tokens have no annotation, for each document."""
    return [sum(not token.ent_iob for token in doc) for doc in docs]


def issue_texts(report):
    """What was done, of each issue that was written."""
    import json

    if report.issues_path is None:
        return []
    return [json.loads(line)["done"] for line in report.issues_path.read_text(encoding="utf-8").splitlines()]
