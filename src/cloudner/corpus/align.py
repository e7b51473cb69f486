"""Records to tokens: character offsets or tags become entities of spaCy tokens, and every loss is told.

`Aligner.chunk` makes arrays (what `convert` writes), `Aligner.doc` makes one `Doc` (what a reader feeds to training).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
from spacy.attrs import IDX, ORTH, SPACY
from spacy.strings import get_string_id
from spacy.tokens import Doc, SpanGroup
from spacy.vocab import Vocab

from cloudner.corpus.chunk import BEGIN, INSIDE, MISSING, OUTSIDE, Chunk, msgpack_dumps
from cloudner.corpus.issues import Action, ConversionIssue, excerpt
from cloudner.corpus.offsets import UNITS, OffsetMap, recount, repair, same
from cloudner.corpus.records import Record, SpanRecord
from cloudner.corpus.tags import Scheme, decode, detect_scheme
from cloudner.corpus.tokenizer import shared_tokenizer
from cloudner.errors import ConfigError, InputError

if TYPE_CHECKING:
    from spacy.language import Language

AlignMode = Literal["expand", "contract", "strict"]
NEGATIVE_KEY = "incorrect_spans"  # the name spaCy's own NER documents for spans known to be wrong
MAX_LENGTH = 1_000_000  # characters; spacy.Language.max_length
_CACHE_WORDS = 500_000
# New words after which a vocabulary is made anew: 100 MB at the half kilobyte a word that English texts of all-new
# words took.
_VOCABULARY_WORDS = 200_000
CLOSED = 4  # the bit of a tag after which its entity is over: the last or the only token
_NO_SPACES = {"zh", "ja", "th", "lo", "my", "km"}  # languages written without spaces between words


class Entity(NamedTuple):
    """Tokens start to end (exclusive) and a label."""

    start: int
    end: int
    label: str


class _Ids(dict[str, int]):
    """String ids as spaCy's StringStore gives them, without keeping the strings in a vocabulary."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _CACHE_WORDS:
            self.clear()
        self[word] = value = get_string_id(word)
        return cast(int, value)


class _Tags(dict["str | None", int]):
    """A tag's code: `iob | CLOSED | number of its label << 3`, for schemes whose tags say where an entity begins.

    -1 for any other tag: its document goes through `tags.decode`.
    """

    _PREFIXES: ClassVar[dict[str, int]] = {
        "B": BEGIN, "U": BEGIN | CLOSED, "S": BEGIN | CLOSED, "I": INSIDE, "M": INSIDE,
        "L": INSIDE | CLOSED, "E": INSIDE | CLOSED,
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__({None: MISSING, "-": MISSING, "_": MISSING, "": MISSING, "O": OUTSIDE})
        self.labels: list[str] = [""]
        self.numbers: dict[str, int] = {"": 0}

    def __missing__(self, tag: str | None) -> int:
        prefix, _, label = cast(str, tag).partition("-")
        iob = self._PREFIXES.get(prefix) if label else None
        self[tag] = code = -1 if iob is None else iob | self.number(label) << 3
        return code

    def number(self, label: str) -> int:
        if label not in self.numbers:
            self.numbers[label] = len(self.labels)
            self.labels.append(label)
        return self.numbers[label]


class _Columns:
    """The lists a chunk grows in."""

    def __init__(self) -> None:
        self.orth: list[int] = []
        self.spaces: list[bool] = []
        self.codes: list[int] = []
        self.sent_start: list[int] = []
        self.lengths: list[int] = []
        self.unknown_spaces: list[bool] = []
        self.groups: list[bytes] = []
        self.user_data: list[bytes | None] = []
        self.places: list[tuple[str, int]] = []
        self.group_keys: list[str | None] = []
        self.strings: set[str] = set()


class Aligner:
    """Turns records into tokens with entities for one language.

    lang: a spaCy language code; its blank tokenizer splits texts, given tokens are kept.
    align: what becomes of a span that starts or ends inside a token: `expand` to whole tokens, `contract` to the
        tokens wholly inside, or `strict`: drop it.
    nlp: a pipeline whose vocabulary and tokenizer are used instead; its Docs can go through that pipeline.
    After each call `issues` holds what was dropped, changed or repaired; take it with `take_issues`.
    Raises ConfigError for an unknown language or mode.
    """

    def __init__(self, lang: str = "en", align: AlignMode = "expand", *, nlp: Language | None = None) -> None:
        if align not in ("expand", "contract", "strict"):
            raise ConfigError(f"align={align!r}", expected="expand, contract or strict", fix="--align expand")
        self.lang: str = lang if nlp is None or nlp.lang is None else nlp.lang
        self.mode: AlignMode = align
        self._own = nlp is None
        self.vocab: Vocab
        self.tokenizer: Callable[[str], Doc]
        if nlp is not None:
            self.vocab, self.tokenizer = nlp.vocab, nlp.tokenizer
        else:
            self.vocab, self.tokenizer = shared_tokenizer(lang)
        self._fresh_words = len(self.vocab)
        self.issues: list[ConversionIssue] = []
        self._ids, self._tags = _Ids(), _Tags()
        self.schemes: dict[str, Scheme] = {}
        self._at_hand: list[Record] = []
        self._no_groups = cast(bytes, Doc(self.vocab, words=["x"]).spans.to_bytes())

    def take_issues(self) -> list[ConversionIssue]:
        taken, self.issues = self.issues, []
        return taken

    # Many records -> arrays

    def chunk(self, records: Iterable[Record]) -> Chunk:
        """The records' documents as arrays. A document without any token is left out with an issue."""
        columns = _Columns()
        self._at_hand = list(records)
        self._renew()
        for record in self._at_hand:
            if record.tokens is None:
                self._add_text(columns, record)
            else:
                self._add_tokens(columns, record)
        orth = np.array(columns.orth, dtype=np.uint64)
        texts = self.vocab.strings
        for each in np.unique(orth).tolist():
            if each in texts:
                columns.strings.add(texts[each])
        codes = np.array(columns.codes, dtype=np.int64)
        labels = self._tags.labels
        kinds = np.array([self._ids[label] if label else 0 for label in labels], dtype=np.uint64)
        numbers = codes >> 3
        columns.strings.update(labels[number] for number in np.unique(numbers).tolist() if number)
        return Chunk(
            orth=orth,
            spaces=np.array(columns.spaces, dtype=np.bool_),
            iob=(codes & 3).astype(np.int8),
            ent_type=kinds[numbers],
            sent_start=np.array(columns.sent_start, dtype=np.int8),
            lengths=np.array(columns.lengths, dtype=np.int32),
            unknown_spaces=np.array(columns.unknown_spaces, dtype=np.bool_),
            strings=columns.strings,
            groups=columns.groups,
            user_data=columns.user_data,
            places=columns.places,
            group_keys=columns.group_keys,
            issues=self.take_issues(),
        )

    def _renew(self) -> None:
        """A new vocabulary in place of one that has grown large: its words are never forgotten otherwise.

        A `memory_zone` would forget them after each chunk, and the tokenizer would then meet every word of the
        next one for the first time.
        """
        if self._own and len(self.vocab) - self._fresh_words > _VOCABULARY_WORDS:
            shared_tokenizer.cache_clear()
            self.vocab, self.tokenizer = shared_tokenizer(self.lang)
            self._fresh_words = len(self.vocab)

    def _add_text(self, columns: _Columns, record: Record) -> None:
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
        if record.spans or record.negative:
            starts = array[:, 2].tolist()
            ends = [*(a - int(s) for a, s in zip(starts[1:], array[:-1, 1], strict=True))]
            ends.append(len(text) - int(array[-1, 1]))
            entities, negative = self._entities(record, text, starts, ends)
        columns.codes.extend(self._codes(size, entities, record.complete))
        self._finish(columns, record, size, False, negative, doc)

    def _add_tokens(self, columns: _Columns, record: Record) -> None:
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
        if record.tags is None:
            entities, negative = self._token_spans(record, tokens, spaces)
            columns.codes.extend(self._codes(size, entities, record.complete))
        else:
            codes = list(map(self._tags.__getitem__, record.tags))
            if len(codes) != size:
                raise InputError(
                    f"{size} tokens but {len(codes)} tags",
                    file=record.file,
                    line=record.line,
                    expected="one tag a token",
                )
            if not _plain(codes, record.sent_starts):
                codes = self._decode(record)
            columns.codes.extend(codes)
            if record.negative:
                negative = self._token_spans(record, tokens, spaces)[1]
        doc = Doc(self.vocab, words=tokens, spaces=spaces) if negative else None
        self._finish(columns, record, size, spaces is None, negative, doc)

    def _finish(
        self,
        columns: _Columns,
        record: Record,
        size: int,
        unknown_spaces: bool,
        negative: Sequence[Entity],
        doc: Doc | None,
    ) -> None:
        if record.sent_starts:
            marks = [-1] * size
            for start in record.sent_starts:
                if start < size:
                    marks[start] = 1
            columns.sent_start.extend(marks)
        else:
            columns.sent_start.extend([0] * size)
        columns.lengths.append(size)
        columns.unknown_spaces.append(unknown_spaces)
        if negative and doc is not None:
            columns.groups.append(self._negative_group(doc, negative))
            columns.strings.update(entity.label for entity in negative)
        else:
            columns.groups.append(self._no_groups)
        columns.user_data.append(_user_data(record) if record.meta else None)
        columns.places.append((record.file, record.line))
        group = record.meta.get("group") if record.meta else None
        columns.group_keys.append(None if group is None else str(group))

    def _negative_group(self, doc: Doc, negative: Sequence[Entity]) -> bytes:
        from spacy.tokens import Span

        spans = [Span(doc, e.start, e.end, label=e.label) for e in negative]
        doc.spans[NEGATIVE_KEY] = SpanGroup(doc, name=NEGATIVE_KEY, spans=spans)
        return cast(bytes, doc.spans.to_bytes())

    # One record -> Doc

    def docs(self, records: Iterable[Record], ahead: int = 512) -> Iterator[Doc]:
        """The records as `Doc` objects, those without text left out. Up to `ahead` records are read before the first
        Doc, since a tag scheme is told from many sentences."""
        iterator = iter(records)
        while batch := list(islice(iterator, ahead)):
            self._at_hand = batch
            for record in batch:
                doc = self.doc(record)
                if doc is not None:
                    yield doc

    def doc(self, record: Record) -> Doc | None:
        """The record as a `Doc` with `ents` (missing where nothing is known), sentence starts, negative spans under
        `doc.spans["incorrect_spans"]` and `user_data["meta"]`; None for a document without text."""
        from spacy.attrs import ENT_IOB, ENT_TYPE, SENT_START

        columns = _Columns()
        (self._add_text if record.tokens is None else self._add_tokens)(columns, record)
        if not columns.lengths:
            return None
        for word in columns.strings:
            self.vocab.strings.add(word)
        spaces = None if columns.unknown_spaces[0] else columns.spaces
        words: Any = np.array(columns.orth, dtype=np.uint64)  # ids do as well as texts
        doc = Doc(self.vocab, words=words, spaces=spaces)
        kinds = [self.vocab.strings.add(label) if label else 0 for label in self._tags.labels]
        rows = [
            (code & 3, kinds[code >> 3], start)
            for code, start in zip(columns.codes, columns.sent_start, strict=True)
        ]
        array: Any = np.array([(i, k, s & 0xFFFFFFFFFFFFFFFF) for i, k, s in rows], dtype=np.uint64)
        doc.from_array([ENT_IOB, ENT_TYPE, SENT_START], array)
        if columns.groups[0] != self._no_groups:
            doc.spans.from_bytes(columns.groups[0])
        if record.meta:
            doc.user_data["meta"] = _plain_data(record.meta)
        return doc

    # Parts

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
        return self.tokenizer(text)

    def _codes(self, size: int, entities: Sequence[Entity], complete: bool) -> list[int]:
        codes = [OUTSIDE if complete else MISSING] * size
        for start, end, label in entities:
            number = self._tags.number(label) << 3
            codes[start] = number | BEGIN
            for token in range(start + 1, end):
                codes[token] = number | INSIDE
        return codes

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
    ) -> tuple[list[Entity], list[Entity]]:
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
        return self._entities(record, text, starts, ends)

    def _decode(self, record: Record) -> list[int]:
        """Codes of a document whose tags are not plain BIO, BILUO or BIOES: bare, IOB1 or with mistakes in them."""
        tokens = cast("list[str]", record.tokens)
        tags = cast("list[str | None]", record.tags)
        decoded = decode(tags, self._scheme(record), record.sent_starts)
        codes = self._codes(len(tokens), [Entity(*span) for span in decoded.spans], record.complete)
        for token in decoded.missing:
            codes[token] = MISSING
        for mend in decoded.repairs:
            words = " ".join(tokens[max(0, mend.token - 3) : mend.token + 4])
            action: Action = "dropped" if mend.cause == "unknown-tag" else "changed"
            self._issue(record, mend.cause, action, words, str(mend.found), mend.done)
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
        return self.schemes[record.file]

    def _entities(
        self, record: Record, text: str, starts: list[int], ends: list[int]
    ) -> tuple[list[Entity], list[Entity]]:
        spans = self._clean(record, text, record.spans, starts, ends)
        placed = []
        for span in spans:
            entity = self._place(record, text, span, starts, ends, self.mode)
            if entity is not None:
                placed.append(entity)
        entities = self._resolve(record, text, placed, starts, ends) if len(placed) > 1 else placed
        negative = []
        for span in self._clean(record, text, record.negative, starts, ends) if record.negative else ():
            entity = self._place(record, text, span, starts, ends, "strict")
            if entity is not None:
                negative.append(entity)
        return entities, negative

    def _clean(
        self, record: Record, text: str, spans: list[SpanRecord], starts: list[int], ends: list[int]
    ) -> list[SpanRecord]:
        """Spans with repaired offsets inside the text and no white space at the edge; exact duplicates once."""
        offsets = OffsetMap(text)
        if spans and ("\n" in text or not text.isascii()) and all(span.surface is None for span in spans):
            spans = self._recount(record, offsets, spans, starts, ends)
        seen: dict[tuple[int, int], str] = {}
        clean = []
        size = len(text)
        for span in spans:
            start, end, label, surface = span
            if surface is not None and text[start:end] != surface:
                found = self._find_surface(record, offsets, span)
                if found is None:
                    continue
                start, end = found
            if start >= size > 0 or end > size:
                if start >= size:
                    self._issue(
                        record,
                        "outside-text",
                        "dropped",
                        "",
                        label,
                        f"{start}:{end} in {size} characters: dropped",
                    )
                    continue
                self._issue(
                    record,
                    "outside-text",
                    "changed",
                    excerpt(text, start, size),
                    label,
                    f"end {end} cut to {size}",
                )
                end = size
            piece = text[start:end]
            core = piece.strip()
            if not core:
                self._issue(
                    record, "empty", "dropped", excerpt(text, start, end), label, "dropped: no text in it"
                )
                continue
            if len(core) != len(piece):
                self._issue(record, "whitespace", "repaired", excerpt(text, start, end), label, "trimmed")
                start += len(piece) - len(piece.lstrip())
                end = start + len(core)
            if label == "O":
                self._issue(
                    record,
                    "unknown-tag",
                    "noted",
                    excerpt(text, start, end),
                    label,
                    "left out: O is no entity",
                )
                continue
            if not label:
                self._issue(
                    record,
                    "unknown-tag",
                    "dropped",
                    excerpt(text, start, end),
                    "",
                    "dropped: it has no label",
                )
                continue
            if (start, end) in seen:
                known = seen[start, end]
                if known == label:
                    self._issue(record, "duplicate", "noted", excerpt(text, start, end), label, "kept once")
                else:
                    self._issue(
                        record,
                        "conflicting-labels",
                        "dropped",
                        excerpt(text, start, end),
                        label,
                        f"kept {known}",
                    )
                continue
            seen[start, end] = label
            clean.append(SpanRecord(start, end, label, surface))
        return clean

    def _recount(
        self, record: Record, offsets: OffsetMap, spans: list[SpanRecord], starts: list[int], ends: list[int]
    ) -> list[SpanRecord]:
        """Spans without a surface text in a text where tools count differently: as characters, if those fall on
        token limits; in another unit, if only under that one all of them do."""
        first, last = set(starts), set(ends)

        def misfits(pairs: list[tuple[int, int]]) -> int:
            text = offsets.text
            return sum(
                (a + len(text[a:b]) - len(text[a:b].lstrip())) not in first
                or a + len(text[a:b].rstrip()) not in last
                for a, b in pairs
            )

        plain = [(span.start, span.end) for span in spans]
        if not misfits(plain):
            return spans
        for unit in UNITS:
            pairs = [offsets.spans(a, b, unit) for a, b in plain]
            whole = [pair for pair in pairs if pair is not None]
            if len(whole) == len(pairs) and whole != plain and not misfits(whole):
                for span, (a, b) in zip(spans, whole, strict=True):
                    if (a, b) != (span.start, span.end):
                        done = (
                            f"{span.start}:{span.end} -> {a}:{b}, where all of the document's spans fit words"
                        )
                        cause = "offsets-crlf" if unit.startswith("crlf") else unit
                        self._issue(record, cause, "repaired", excerpt(offsets.text, a, b), span.label, done)
                return [span._replace(start=a, end=b) for span, (a, b) in zip(spans, whole, strict=True)]
        return spans

    def _find_surface(self, record: Record, offsets: OffsetMap, span: SpanRecord) -> tuple[int, int] | None:
        text, surface = offsets.text, cast(str, span.surface)
        fixed = recount(offsets, span.start, span.end, surface)
        if fixed is None:
            if same(text[span.start : span.end], surface):
                return span.start, span.end
            fixed = repair(offsets, span.start, span.end, surface)
        if fixed is not None:
            done = f"{span.start}:{span.end} -> {fixed.start}:{fixed.end}"
            self._issue(
                record, fixed.cause, "repaired", excerpt(text, fixed.start, fixed.end), span.label, done
            )
            return fixed.start, fixed.end
        found = text[span.start : span.end]
        here = excerpt(text, span.start, span.end)
        if SequenceMatcher(None, found.casefold(), surface.casefold(), autojunk=False).ratio() >= 0.7:
            self._issue(
                record, "surface-mismatch", "noted", here, span.label, f"kept; the file says {surface!r}"
            )
            return span.start, span.end
        self._issue(
            record, "surface-mismatch", "dropped", here, span.label, f"dropped; the file says {surface!r}"
        )
        return None

    def _place(
        self, record: Record, text: str, span: SpanRecord, starts: list[int], ends: list[int], mode: str
    ) -> Entity | None:
        """The tokens of a span, by the alignment mode where it cuts a token."""
        first = bisect_right(starts, span.start) - 1
        last = bisect_left(ends, span.end)
        if starts[first] == span.start and last < len(ends) and ends[last] == span.end:
            return Entity(first, last + 1, span.label)
        wide = (first, min(last, len(ends) - 1) + 1)
        narrow = (bisect_left(starts, span.start), bisect_right(ends, span.end))
        here = excerpt(text, span.start, span.end)
        wide_text = text[starts[wide[0]] : ends[wide[1] - 1]]
        narrow_text = text[starts[narrow[0]] : ends[narrow[1] - 1]] if narrow[0] < narrow[1] else None
        if mode == "expand":
            self._issue(record, "misaligned", "changed", here, span.label, f"expanded to {wide_text!r}")
            return Entity(*wide, span.label)
        if mode == "contract" and narrow_text is not None:
            self._issue(record, "misaligned", "changed", here, span.label, f"contracted to {narrow_text!r}")
            return Entity(*narrow, span.label)
        offers = f"--align expand would make it {wide_text!r}"
        if narrow_text is not None:
            offers += f", --align contract {narrow_text!r}"
        self._issue(record, "misaligned", "dropped", here, span.label, f"dropped; {offers}")
        return None

    def _resolve(
        self, record: Record, text: str, entities: list[Entity], starts: list[int], ends: list[int]
    ) -> list[Entity]:
        """Without overlap: the longest first, of equally long ones the one that begins first."""
        ordered = sorted(entities, key=lambda e: e.start)
        if all(a.end <= b.start for a, b in pairwise(ordered)):
            return ordered
        owner: dict[int, Entity] = {}
        kept = []
        for entity in sorted(entities, key=lambda e: (e.start - e.end, e.start)):
            others = [owner[token] for token in range(entity.start, entity.end) if token in owner]
            if not others:
                kept.append(entity)
                owner.update(dict.fromkeys(range(entity.start, entity.end), entity))
                continue
            other = others[0]
            inside = other.start <= entity.start and entity.end <= other.end
            exact = (other.start, other.end) == (entity.start, entity.end)
            cause = "nested" if inside else "overlapping"
            action: Action = "dropped"
            if exact:
                cause = "duplicate" if other.label == entity.label else "conflicting-labels"
                action = "noted" if other.label == entity.label else "dropped"
            here = excerpt(text, starts[entity.start], ends[entity.end - 1])
            kept_text = text[starts[other.start] : ends[other.end - 1]]
            self._issue(record, cause, action, here, entity.label, f"kept {other.label} {kept_text!r}")
        return sorted(kept)

    def _issue(self, record: Record, cause: str, action: Action, where: str, label: str, done: str) -> None:
        self.issues.append(ConversionIssue(cause, action, record.file, record.line, where, label, done))


def _plain(codes: list[int], sent_starts: list[int] | None) -> bool:
    """Is every tag known and allowed after the one before it, in its sentence?"""
    if -1 in codes:
        return False
    before = OUTSIDE
    for code in codes:
        if code & INSIDE and not code & 2 and ((before ^ code) >> 3 or before & CLOSED):
            return False
        before = code
    if any(code & CLOSED for code in codes):  # a scheme that marks ends: what begins must end
        for code, after in pairwise([*codes, OUTSIDE]):
            if code & INSIDE and not code & CLOSED and (after & 3 != INSIDE or (code ^ after) >> 3):
                return False
    if sent_starts:
        return not any(codes[start] & 3 == INSIDE for start in sent_starts if start < len(codes))
    return True


def _is_cjk(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0e7f"


def _plain_data(value: Any) -> Any:
    """Only what msgpack and JSON hold: dates and the like become text."""
    if isinstance(value, dict):
        return {str(key): _plain_data(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_data(item) for item in value]
    if value is None or isinstance(value, (bool, str, float)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    return str(value)


def _user_data(record: Record) -> bytes:
    return msgpack_dumps({"meta": _plain_data(record.meta)})
