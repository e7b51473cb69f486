"""Reading a text with one format, through the sources that users' files come through."""

import io

from cloudner.corpus.align.aligner import Aligner
from cloudner.corpus.contract import ReadOptions
from cloudner.corpus.docbin.docs import chunk_docs
from cloudner.corpus.files.sources import open_sources
from cloudner.corpus.formats.detect import detect
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
