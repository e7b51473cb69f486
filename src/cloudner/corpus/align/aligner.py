"""Records to arrays: character offsets or tags become entities of spaCy tokens, and every loss becomes an issue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from spacy.attrs import IDX, ORTH, SPACY
from spacy.tokens import Doc
from spacy.vocab import Vocab

from cloudner.corpus.align.builder import NEGATIVE_KEY, Columns, StringIds
from cloudner.corpus.align.tag_codes import TagCodes, is_plain
from cloudner.corpus.align.tag_schemes import Scheme, decode, detect_scheme
from cloudner.corpus.align.to_tokens import AlignMode, Entity, Placing
from cloudner.corpus.align.tokenizer import shared_tokenizer, tokenize
from cloudner.corpus.contract import Record
from cloudner.corpus.docbin.chunk import MISSING, Chunk
from cloudner.corpus.issues import Action, ConversionIssue, excerpt
from cloudner.errors import ConfigError, InputError

if TYPE_CHECKING:
    from spacy.language import Language

MAX_LENGTH = 1_000_000  # characters; spacy.Language.max_length
# New words after which a fresh vocabulary is made: 100 MB, at the half kilobyte per word measured on English texts of
# new words only.
_VOCABULARY_WORDS = 200_000
_NO_SPACES = {"zh", "ja", "th", "lo", "my", "km"}  # languages written without spaces between words


class Aligner:
    """Turns records into tokens with entities for one language.

    lang: a spaCy language code; its blank tokenizer splits texts, given tokens are kept.
    align: what becomes of a span that starts or ends inside a token: `expand` to whole tokens, `contract` to the
        tokens wholly inside, or `strict`: drop it.
    nlp: a pipeline whose vocabulary and tokenizer are used instead; its Docs can go through that pipeline.
    spans: the name of a group of spans (`doc.spans[spans]`) that all annotations go to, those that nest and overlap among
        them; the entities are then the longest that do not. None: there are entities alone. A document that is not
        annotated throughout has no group, since what is not in one is known not to be there.
    After each call `issues` holds what was dropped, changed or repaired; take it with `take_issues`.
    Raises ConfigError for an unknown language or mode.
    """

    def __init__(
        self,
        lang: str = "en",
        align: AlignMode = "expand",
        *,
        nlp: Language | None = None,
        spans: str | None = None,
    ) -> None:
        if align not in ("expand", "contract", "strict"):
            raise ConfigError(f"align={align!r}", expected="expand, contract or strict", fix="--align expand")
        self.lang: str = lang if nlp is None or nlp.lang is None else nlp.lang
        self.mode: AlignMode = align
        self.spans = spans
        self._own = nlp is None
        self.vocab: Vocab
        self.tokenizer: Callable[[str], Doc]
        if nlp is not None:
            self.vocab, self.tokenizer = nlp.vocab, nlp.tokenizer
        else:
            self.vocab, self.tokenizer = shared_tokenizer(lang)
        self._fresh_words = len(self.vocab)
        self.issues: list[ConversionIssue] = []
        self._ids, self._tags = StringIds(), TagCodes()
        self.schemes: dict[str, Scheme] = {}
        self._at_hand: list[Record] = []

    def take_issues(self) -> list[ConversionIssue]:
        taken, self.issues = self.issues, []
        return taken

    def chunk(self, records: Iterable[Record]) -> Chunk:
        """The records' documents as arrays. A document without any token is left out with an issue."""
        columns = Columns()
        self._at_hand = list(records)
        self._renew()
        for record in self._at_hand:
            if record.tokens is None:
                self._add_text(columns, record)
            else:
                self._add_tokens(columns, record)
        return columns.chunk(self.vocab.strings, self._tags.labels, self._ids, self.take_issues())

    def _renew(self) -> None:
        """A new vocabulary in place of one that has grown large: its words are never forgotten otherwise.

        A `memory_zone` would forget them after each chunk, and the tokenizer would then meet every word of the
        next one for the first time.
        """
        if self._own and len(self.vocab) - self._fresh_words > _VOCABULARY_WORDS:
            shared_tokenizer.cache_clear()
            self.vocab, self.tokenizer = shared_tokenizer(self.lang)
            self._fresh_words = len(self.vocab)

    def _add_text(self, columns: Columns, record: Record) -> None:
        text = record.text or ""
        if not self._has_text(record, bool(text.strip())):
            return
        doc = self._tokenize(record, text)
        array = doc.to_array([ORTH, SPACY, IDX])
        size = len(array)
        columns.orth.extend(array[:, 0].tolist())
        columns.spaces.extend(array[:, 1].astype(bool).tolist())
        entities: list[Entity] = []
        negative: list[Entity] = []
        every: list[Entity] = []
        if record.spans or record.negative:
            starts = array[:, 2].tolist()
            ends = [*(a - int(s) for a, s in zip(starts[1:], array[:-1, 1], strict=True))]
            ends.append(len(text) - int(array[-1, 1]))
            entities, negative, every = self._placed(record, text, starts, ends)
        columns.codes.extend(self._tags.of_entities(size, entities, record.complete))
        columns.finish(record, size, False, self._groups(record, negative, every), doc)

    def _add_tokens(self, columns: Columns, record: Record) -> None:
        if "" in cast("list[str]", record.tokens):
            record = self._without_empty(record)
        tokens = cast("list[str]", record.tokens)
        if not self._has_text(record, bool(tokens)):
            return
        size = len(tokens)
        columns.orth.extend(map(self._ids.__getitem__, tokens))
        columns.strings.update(tokens)
        spaces = self._spaces(record)
        columns.spaces.extend(spaces if spaces is not None else [True] * size)
        negative: list[Entity] = []
        every: list[Entity] | None
        if record.tags is None:
            entities, negative, every = self._token_spans(record, tokens, spaces)
            columns.codes.extend(self._tags.of_entities(size, entities, record.complete))
        else:
            codes = list(map(self._tags.__getitem__, record.tags))
            if len(codes) != size:
                raise InputError(
                    f"{size} tokens but {len(codes)} tags",
                    file=record.file,
                    line=record.line,
                    expected="one tag per token",
                )
            if not is_plain(codes, None if record.over_sentences else record.sent_starts):
                codes = self._decode(record)
            columns.codes.extend(codes)
            every = self._tags.entities(codes) if self.spans is not None else None
            if record.negative:
                negative = self._token_spans(record, tokens, spaces)[1]
        groups = self._groups(record, negative, every)
        doc = Doc(self.vocab, words=tokens, spaces=spaces) if groups else None
        columns.finish(record, size, spaces is None, groups, doc)

    def _groups(
        self, record: Record, negative: list[Entity], every: list[Entity] | None
    ) -> dict[str, list[Entity]]:
        """The document's groups of spans by name."""
        groups = {NEGATIVE_KEY: negative} if negative else {}
        if self.spans is not None and record.complete and every is not None:
            groups[self.spans] = every
        return groups

    def _placed(
        self, record: Record, text: str, starts: list[int], ends: list[int]
    ) -> tuple[list[Entity], list[Entity], list[Entity]]:
        """Entities, spans known to be wrong, and all spans."""
        placing = Placing(record, text, starts, ends, self._issue, overlaps=self.spans is not None)
        return *placing.entities(self.mode), placing.every

    def _has_text(self, record: Record, has: bool) -> bool:
        for cause, action, done in record.notes:
            self._issue(record, cause, cast(Action, action), excerpt(record.text or "", 0, 30, 0), "", done)
        if not has:
            lost: Action = "dropped" if record.spans else "noted"
            self._issue(record, "empty-document", lost, "", "", "left out: it has no token")
        return has

    def _without_empty(self, record: Record) -> Record:
        """The record without tokens that are an empty text, which a Doc cannot hold."""
        tokens, tags = cast("list[str]", record.tokens), record.tags
        keep = [i for i, token in enumerate(tokens) if token]
        for index, token in enumerate(tokens):
            if not token:
                tag = tags[index] if tags is not None and index < len(tags) else None
                lost: Action = "dropped" if tag not in (None, "O", "-", "_") else "noted"
                around = " ".join(tokens[max(0, index - 3) : index + 4])
                self._issue(record, "empty-token", lost, around, tag or "", "left out")
        new = {old: number for number, old in enumerate(keep)}
        starts = [next((new[i] for i in keep if i >= s), len(keep)) for s in record.sent_starts or ()]
        return replace(
            record,
            tokens=[tokens[i] for i in keep],
            tags=None if tags is None else [tags[i] for i in keep if i < len(tags)],
            spaces=None if record.spaces is None else [record.spaces[i] for i in keep],
            sent_starts=sorted({s for s in starts if s < len(keep)}) or None,
        )

    def _tokenize(self, record: Record, text: str) -> Doc:
        if len(text) > MAX_LENGTH:
            raise InputError(
                f"a text of {len(text):,} characters",
                file=record.file,
                line=record.line,
                expected=f"at most {MAX_LENGTH:,} (spaCy's nlp.max_length)",
                fix="split the document into paragraphs",
            )
        return tokenize(self.tokenizer, text)

    def _spaces(self, record: Record) -> list[bool] | None:
        """Which tokens a space follows; None where it is not known and the words' limits are the given ones."""
        if record.spaces is not None:
            return record.spaces
        tokens = cast("list[str]", record.tokens)
        if self.lang not in _NO_SPACES and not (len(tokens[0]) == 1 and _is_cjk(tokens[0])):
            return None
        follows = [token[:1].isascii() and token[:1].isalnum() for token in tokens[1:]]
        return [
            after and token[-1:].isascii() and token[-1:].isalnum()
            for token, after in zip(tokens, [*follows, False], strict=True)
        ]

    def _token_spans(
        self, record: Record, tokens: list[str], spaces: list[bool] | None
    ) -> tuple[list[Entity], list[Entity], list[Entity]]:
        starts, ends, at = [], [], 0
        for token, space in zip(tokens, spaces or [True] * len(tokens), strict=True):
            starts.append(at)
            ends.append(at + len(token))
            at += len(token) + bool(space)
        if record.text is not None:
            text = record.text
        else:
            text = "".join(
                token + " " * bool(space)
                for token, space in zip(tokens, spaces or [True] * len(tokens), strict=True)
            )
        return self._placed(record, text, starts, ends)

    def _decode(self, record: Record) -> list[int]:
        """Codes of a document whose tags are not plain BIO, BILUO or BIOES: bare, IOB1 or with mistakes in them."""
        tokens = cast("list[str]", record.tokens)
        tags = cast("list[str | None]", record.tags)
        decoded = decode(tags, self._scheme(record), None if record.over_sentences else record.sent_starts)
        codes = self._tags.of_entities(
            len(tokens), [Entity(*span) for span in decoded.spans], record.complete
        )
        for token in decoded.missing:
            codes[token] = MISSING
        for repair in decoded.repairs:
            words = " ".join(tokens[max(0, repair.token - 3) : repair.token + 4])
            action: Action = "dropped" if repair.cause == "unknown-tag" else "changed"
            self._issue(record, repair.cause, action, words, str(repair.found), repair.done)
        return codes

    def _scheme(self, record: Record) -> Scheme:
        """The tag scheme of the record's file, found from all the records at hand of that file."""
        if record.file not in self.schemes:
            records = [r for r in self._at_hand if r.file == record.file and r.tags] or [record]
            self.schemes[record.file] = detect_scheme(
                cast("list[str | None]", r.tags)[first:last]
                for r in records
                for first, last in pairwise([*(r.sent_starts or [0]), len(cast("list[str]", r.tokens))])
            )
            for word in sorted(self.schemes[record.file].outside - {"O", "o", "0"}):
                self._issue(
                    record, "unknown-tag", "noted", "", word, f"no O in the file: {word} is taken for it"
                )
        return self.schemes[record.file]

    def _issue(self, record: Record, cause: str, action: Action, where: str, label: str, done: str) -> None:
        name = str(record.meta["id"]) if "id" in record.meta else f"#{record.number}" if record.number else ""
        self.issues.append(ConversionIssue(cause, action, record.file, record.line, where, label, done, name))


def _is_cjk(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f"
