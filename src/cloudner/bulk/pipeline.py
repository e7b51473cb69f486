"""The pipeline that annotates: its fingerprint, and documents that fail alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.bulk.contract import Options, Record, Words
from cloudner.errors import InputError
from cloudner.loading import find_pipeline, load, own_groups
from cloudner.own_code import digest_of_code

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# So many documents of a batch, or so many from the beginning on, and not one that does not fail: the machine or the pipeline
# is broken, not they.
_ALL_FAILED, _FIRST_FAILED = 16, 50


def fingerprint(name: str | Path | None, code: str | Path | None = None) -> tuple[str, str]:
    """(what `load` is to be given, SHA-256 of the pipeline's files): the same for a copy of it, anywhere. With a file of
    code its SHA-256 follows, behind a colon.

    Raises InputError where there is no such pipeline, or no such file.
    """
    own = f":{digest_of_code(code)}" if code is not None else ""
    found = find_pipeline(name)
    if isinstance(found, Path):
        return str(found.resolve()), _digest(found) + own
    from spacy.util import get_package_path

    configs = sorted(get_package_path(found).glob("*/config.cfg"))
    if not configs:
        raise InputError(f"the package {found!r} holds no pipeline", expected="what spacy package makes")
    return found, _digest(configs[0].parent) + own


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            digest.update(f"{len(name)} {name} {path.stat().st_size} ".encode())
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


class Annotator:
    """A loaded pipeline, for one batch of documents after another."""

    def __init__(
        self, name: str, options: Options, device: str = "auto", *, keep_going: bool = False
    ) -> None:
        """keep_going: documents fail alone, even where all of them do."""
        self.nlp: Language = load(
            name,
            device=device,
            precision=options.precision,
            backend=options.backend,
            threshold=options.threshold,
        )
        self.groups = own_groups(self.nlp)
        self._errors: dict[int, str] = {}
        self._keep_going = keep_going
        self._never = (
            0  # documents that failed with none before or between them that did not; -1 once there is one
        )
        self.nlp.set_error_handler(self._failed)

    def annotate(self, records: list[Record]) -> Iterator[list[Doc | str]]:
        """One list: for each record its Doc, or why it has none. It is valid until the generator goes on: words met for
        the first time leave the vocabulary with it.

        Raises InputError where every one of many documents fails, unless it is to keep going.
        """
        failed: InputError | None = None
        with self.nlp.memory_zone():
            try:
                found = self._annotated(records)
            except InputError as error:
                failed = error
            else:
                yield found
        if failed is not None:  # out here: an error inside leaves spaCy 3.8.2's vocabulary in the zone
            raise failed

    def _annotated(self, records: list[Record]) -> list[Doc | str]:
        found: list[Doc | str] = [record.problem or "no text" for record in records]
        given: list[tuple[Any, int]] = []
        refused: list[str] = []  # by the tokenizer
        for number, record in enumerate(records):
            if record.text is not None:
                try:
                    given.append((self._doc(record.text), number))
                except (
                    Exception
                ) as error:  # a text that is too long, or that a tokenizer of one's own does not take
                    found[number] = _told(error)
                    refused.append(f"tokenizer: {_told(error)}")
        self._errors.clear()
        places = {id(doc): number for doc, number in given}
        done = 0
        for doc, number in self.nlp.pipe(given, as_tuples=True):
            found[number] = doc
            done += 1
        for key, reason in self._errors.items():
            if key in places:
                found[places[key]] = reason
        self._look_at(done, len(given), refused)
        return found

    def _look_at(self, done: int, given: int, refused: list[str]) -> None:
        """Does the pipeline work at all? done: documents of a batch that have been annotated, of so many given to it."""
        if done:
            self._never = -1
        elif self._never >= 0:
            self._never += given + len(refused)
        if done or self._keep_going:
            return
        if given >= _ALL_FAILED:
            count = f"every one of {given} documents"
        elif self._never >= _FIRST_FAILED:
            count = f"every one of the first {self._never} documents"
            self._never = 0  # the piece is tried again
        else:
            return
        reason = next(iter(self._errors.values()), refused[0] if refused else "no reason was given")
        raise InputError(
            f"{count} failed: {reason}",
            fix="cloudner doctor; with --keep-going each becomes a row with its error",
        )

    def _doc(self, text: str | Words) -> Doc:
        from spacy.tokens import Doc

        if isinstance(text, Words):
            return Doc(self.nlp.vocab, words=text.words, spaces=text.spaces)
        return self.nlp.make_doc(text)

    def _failed(self, name: str, component: Any, docs: list[Doc], error: Exception) -> Any:
        for doc in docs:
            self._errors[id(doc)] = f"{name}: {_told(error)}"


def _told(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
