"""The pipeline that annotates: its fingerprint, and documents that fail alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudner.bulk.contract import Options, Record, Words
from cloudner.errors import InputError
from cloudner.loading import find_pipeline, load, own_group

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

# So many documents that fail together, and not one that does not: the machine or the pipeline is broken, not they.
_ALL_FAILED = 16


def fingerprint(name: str | Path | None) -> tuple[str, str]:
    """(what `load` is to be given, SHA-256 of the pipeline's files): the same for a copy of it, anywhere. Raises
    InputError where there is no such pipeline."""
    found = find_pipeline(name)
    if isinstance(found, Path):
        return str(found.resolve()), _digest(found)
    from spacy.util import get_package_path

    configs = sorted(get_package_path(found).glob("*/config.cfg"))
    if not configs:
        raise InputError(f"the package {found!r} holds no pipeline", expected="what spacy package makes")
    return found, _digest(configs[0].parent)


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

    def __init__(self, name: str, options: Options, device: str = "auto") -> None:
        self.nlp: Language = load(
            name,
            device=device,
            precision=options.precision,
            backend=options.backend,
            threshold=options.threshold,
        )
        self.group = own_group(self.nlp)
        self._errors: dict[int, str] = {}
        self.nlp.set_error_handler(self._failed)

    def annotate(self, records: list[Record]) -> Iterator[list[Doc | str]]:
        """One list: for each record its Doc, or why it has none. It is valid until the generator goes on: words met for
        the first time leave the vocabulary with it.

        Raises InputError where every one of many documents fails.
        """
        with self.nlp.memory_zone():
            yield self._annotated(records)

    def _annotated(self, records: list[Record]) -> list[Doc | str]:
        found: list[Doc | str] = [record.problem or "no text" for record in records]
        given: list[tuple[Any, int]] = []
        for number, record in enumerate(records):
            if record.text is not None:
                try:
                    given.append((self._doc(record.text), number))
                except (
                    Exception
                ) as error:  # a text that is too long, or that a tokenizer of one's own does not take
                    found[number] = _told(error)
        self._errors.clear()
        places = {id(doc): number for doc, number in given}
        done = 0
        for doc, number in self.nlp.pipe(given, as_tuples=True):
            found[number] = doc
            done += 1
        for key, reason in self._errors.items():
            if key in places:
                found[places[key]] = reason
        if not done and len(given) >= _ALL_FAILED:
            reason = next(iter(self._errors.values()), "no reason was given")
            raise InputError(f"every one of {len(given)} documents failed: {reason}", fix="cloudner doctor")
        return found

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
