"""Reading a text with one format, through the sources that users' files come through."""

import io

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions, Record, SpanRecord
from cloudner.corpus.convert.convert import convert
from cloudner.corpus.docbin.docs import chunk_docs
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect, detect_source
from cloudner.corpus.formats.registry import formats
from cloudner.corpus.formats.words import text_of


class DocAligner(Aligner):
    """Records to `Doc` objects on the way that the training reader takes; issues are kept until they are taken."""

    def docs(self, records):
        chunk = self.chunk(records)
        self.issues += chunk.issues
        return list(chunk_docs(chunk, self.vocab))

    def doc(self, record):
        """The document of one record, or None where it has no token."""
        return next(iter(self.docs([record])), None)


def align(text, *spans, mode="expand", lang="en", **fields):
    """(entity text, label) and (cause, action) of one document."""
    tool = DocAligner(lang, mode)
    doc = tool.doc(Record("f", 1, text, [SpanRecord(*span) for span in spans], **fields))
    return [(e.text, e.label_) for e in doc.ents], [(i.cause, i.action) for i in tool.take_issues()]


def put(tmp_path, name, content):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", newline="")
    return path


def read(tmp_path, fmt, content, name="sample.txt", **options):
    """The records of a text in a given format."""
    return list(fmt.read(next(open_sources(put(tmp_path, name, content))), ReadOptions(**options)))


def detected(tmp_path, content, name="sample.txt"):
    """The name of the format that the content is taken for."""
    source = next(open_sources(put(tmp_path, name, content)))
    return detect(source.sample(), source.name).format.name


def surfaces(record):
    """(surface, label) of a record's spans, in order."""
    text, spans = text_of(record)
    return [(text[span.start : span.end], span.label) for span in spans]


def written(fmt, records):
    stream = io.StringIO()
    fmt.write(records, stream)
    return stream.getvalue()


def all_surfaces(records):
    """The same of all records, in one list."""
    return [pair for record in records for pair in surfaces(record)]


def read_all(tmp_path, name, content, **options):
    """The name of the format that a file is taken for, and its records."""
    source = next(open_sources(put(tmp_path, name, content)))
    found = detect_source(source).format
    return found.name, list(found.read(source, ReadOptions(**options)))


def entities_of(aligner, records):
    """(text, label) of the entities of all records, once they are aligned."""
    docs = aligner.docs(records)
    aligner.take_issues()
    return [(ent.text, ent.label_) for doc in docs for ent in doc.ents]


def read_entities(aligner, tmp_path, content, name, fmt="auto", **options):
    """Name of the format and the entities of each document of a file with that content; the issues stay to be taken."""
    source = next(open_sources(put(tmp_path, name, content)))
    found = formats()[fmt] if fmt != "auto" else detect(source.sample(), source.name).format
    docs = aligner.docs(list(found.read(source, ReadOptions(**options))))
    return found.name, [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


def converted(folder, name, content, **settings):
    """The report and the documents of the conversion of a file with that content."""
    report = convert(put(folder, name, content.encode()), folder / "out.spacy", **settings)
    return report, list(DocBin().from_disk(folder / "out.spacy").get_docs(Vocab()))


def entities_of_doc(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]
