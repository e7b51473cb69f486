"""What a record of any reader must keep to before it becomes tokens: texts that are Unicode, labels that are texts."""

from __future__ import annotations

from collections.abc import Iterator

from cloudner.corpus.contract import Record
from cloudner.errors import InputError

_PAIR = "half of a surrogate pair, which no text can hold"


def is_unicode(text: str) -> bool:
    """Is a text without lone surrogates? JSON can write them (`"\\ud83d"`), UTF-8 cannot."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def whole(text: str, file: str, line: int) -> str:
    """The same text, of texts that nobody converts. Raises InputError (file, line) for one with lone surrogates."""
    if problem := _half_a_pair(text):
        raise InputError(
            problem, file=file, line=line, expected="Unicode text",
            fix="text.encode('utf-8', 'replace').decode('utf-8'), with ? in its place",
        )  # fmt: skip
    return text


def _half_a_pair(text: str) -> str | None:
    """What is wrong with a text that has a lone surrogate; None for one that has not."""
    if is_unicode(text):
        return None
    at = next(i for i, char in enumerate(text) if "\ud800" <= char <= "\udfff")
    return f"{_PAIR}, at character {at}: {text[max(0, at - 15) : at + 15]!a}"


def sound(records: Iterator[Record]) -> Iterator[Record]:
    """The same records. Raises InputError (file, line) for one that cannot become a document."""
    for record in records:
        check(record)
        yield record


def check(record: Record) -> None:
    """Raises InputError for lone surrogates, and for words, tags and labels that are no texts."""
    tokens, tags = record.tokens or (), [tag for tag in record.tags or () if tag is not None]
    labels = [span.label for spans in (record.spans, record.negative) for span in spans]
    for what, texts in (("a word", tokens), ("a tag", tags), ("a label", labels)):
        bad = next((text for text in texts if not isinstance(text, str)), None)
        if bad is not None:
            raise _error(record, f"{what} that is {type(bad).__name__} ({str(bad)[:40]})", "texts")
        if texts and not is_unicode("\n".join(texts)):
            odd = next((text for text in texts if not is_unicode(text)), "")
            raise _error(record, f"{what} with {_PAIR}: {odd[:40]!a}", "Unicode text")
    problem = None if record.text is None else _half_a_pair(record.text)
    if problem is not None:
        raise _error(record, problem, "Unicode text")


def _error(record: Record, problem: str, expected: str) -> InputError:
    name = record.meta.get("id")
    problem = f"document {name!r}: {problem}" if isinstance(name, (str, int)) else problem
    return InputError(
        problem,
        file=record.file,
        line=record.line,
        expected=expected,
        fix="write the file again with the whole character, or `cloudner convert --skip-bad 1`, which leaves the document out",
    )
