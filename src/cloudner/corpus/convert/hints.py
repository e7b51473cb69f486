"""What the whole of a conversion says about its settings: a language whose tokenizer does not split the texts into words,
no entities at all, splits of different data."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloudner.corpus.contract import Record
from cloudner.corpus.convert.edges import Edges
from cloudner.corpus.convert.report import ConversionReport
from cloudner.corpus.issues import ConversionIssue

_RECORDS, _CHARACTERS = 200, 500  # how many texts, and how much of each, are looked at
_LETTERS = re.compile(
    r"(?P<kana>[\u3041-\u30ff\uff66-\uff9f])|(?P<han>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
    r"|(?P<hangul>[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f])|(?P<thai>[\u0e01-\u0e3a\u0e40-\u0e4e])|(?P<other>[^\W\d_])"
)
_BESIDE = re.compile(r"(?P<before>\S)?\[[^\[\]]*\](?P<after>\S)?")
_GLUED = 2  # spans that a sign joins to what is beside them
_ENOUGH = 5  # spans that cut a token, of fewer, their share says nothing


class Script:
    """Which script texts are in that are written without spaces between words, counted while they pass."""

    def __init__(self) -> None:
        self._seen = 0
        self._letters: Counter[str | None] = Counter()

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """The same records. Those that bring tokens are not counted: they are not tokenised again."""
        for record in records:
            if record.tokens is None and record.text and self._seen < _RECORDS:
                self._seen += 1
                self._letters.update(
                    match.lastgroup for match in _LETTERS.finditer(record.text, 0, _CHARACTERS)
                )
            yield record

    def korean(self) -> bool:
        return 2 * self._letters["hangul"] > self._letters.total()

    def language(self) -> str | None:
        """ja, zh or th where most letters are of such a script, else None."""
        kana, han, thai = (self._letters[name] for name in ("kana", "han", "thai"))
        if 2 * max(kana + han, thai) <= self._letters.total():
            return None
        if thai > kana + han:
            return "th"
        # a Japanese text is hardly ever without kana, and a Chinese one has a few in names at most
        return "ja" if 20 * kana > kana + han else "zh"


# The tokenizer of zh takes each character for a token, so that spans of any such text fit.
_NAMES = {"ja": "Japanese", "zh": "Chinese", "th": "Thai"}
_FITTING = {"ja": {"ja", "zh"}, "zh": {"zh", "ja"}, "th": {"th", "zh"}}


class Glue:
    """What stands directly beside spans that cut a token, counted while their issues pass."""

    def __init__(self) -> None:
        self._signs: Counter[str] = Counter()
        self._examples: dict[str, str] = {}

    def watch(self, issues: Iterable[ConversionIssue]) -> None:
        for issue in issues:
            match = _BESIDE.search(issue.excerpt) if issue.cause == "misaligned" else None
            for sign in {match["before"] or "", match["after"] or ""} - {""} if match else ():
                if not sign.isalnum() and not sign.isspace():
                    self._signs[sign] += 1
                    self._examples.setdefault(sign, issue.done)

    def hint(self, lang: str) -> str | None:
        """The sign that joins entities and their neighbours most often, with what parts them; None without one."""
        if not self._signs:
            return None
        sign, count = self._signs.most_common(1)[0]
        if count < _GLUED:
            return None
        return (
            f"tokens join entities and what stands beside them by {sign!r}, {count:,} times (first: {self._examples[sign]}),"
            f" where the tokenizer of --lang {lang} does not part words: put spaces around {sign!r} in the texts"
            " (the offsets move), or give tokens and tags instead of texts"
        )


def dropped_overlaps(issues: Mapping[tuple[str, Any], int]) -> int:
    """How many annotations were dropped because they nest, overlap, or are a second label in the same place."""
    causes = ("nested", "overlapping", "conflicting-labels")
    return sum(n for (cause, action), n in issues.items() if cause in causes and action == "dropped")


def hints(
    report: ConversionReport, script: Script, lang: str, glue: Glue | None = None, edges: Edges | None = None
) -> list[str]:
    """Sentences with what to type: where the texts do not suit `lang` or the offsets the texts, and where annotations that
    overlap were dropped; none where nothing is odd."""
    found = _of_texts(report, script, lang, glue)
    if edges is not None and (odd := edges.hint()):
        found.append(odd)
    lost = dropped_overlaps(report.issues)
    if lost and not found:  # tokens that are too large make spans collide
        found.append(
            f"{lost:,} annotations lie inside others or overlap them, and were dropped: --spans sc keeps them in"
            ' doc.spans["sc"], which the component cloudner_spans learns (configs/spans.cfg)'
        )
    if missing := report.issues.get(("no-value", "noted")):
        found.append(
            f"no value stands where the entities belong in {missing:,} of the documents, which were read as texts without any:"
            " leave out those that nobody has annotated, and write [] for the others"
        )
    return found


def _of_texts(report: ConversionReport, script: Script, lang: str, glue: Glue | None) -> list[str]:
    language = script.language()
    if language is not None and lang not in _FITTING[language]:
        return [
            f"the texts look {_NAMES[language]}, whose words the tokenizer of --lang {lang} does not separate:"
            f" convert again with --lang {language}"
        ]
    cut = sum(count for (cause, _), count in report.issues.items() if cause == "misaligned")
    if script.korean() and cut:
        return [
            f"the texts look Korean, and {cut:,} spans end before a particle of the same word: --lang ko parts them where"
            " mecab-ko is installed (python -m pip install natto-py); else --align strict leaves such spans out"
        ]
    joined = glue.hint(lang) if glue is not None and cut else None
    if joined:
        return [joined]
    if cut >= _ENOUGH and 2 * cut > report.entities:
        return [
            f"{cut:,} spans cut a token, and {report.entities:,} entities came out: do the offsets count characters"
            f" from 0, with ends exclusive, and is --lang {lang} the language of the texts?"
        ]
    if not report.entities and not any(cause != "no-value" for cause, _ in report.issues):
        return [
            "there is not one entity, so nothing can be learnt from it: are the annotations in another column or key"
            " (--entities-column, --tag-column), or the file in another --format?"
        ]
    return []


def unknown_labels(name: str, labels: Mapping[str, Iterable[str]]) -> list[str]:
    """A sentence where the split `name` has labels that the split "train" has not, given the labels of each."""
    train = set(labels.get("train", ()))
    own = set(labels[name])
    new = sorted(own - train)
    if name == "train" or not train or not new:
        return []
    if own & train:
        return [f"{name} has labels that train has not and that cannot be learnt: {', '.join(new)}"]
    return [
        f"no label of {name} ({', '.join(new)}) is one of train's ({', '.join(sorted(train))}), so its score will be 0:"
        f" name a file of the same data (--{name} here, --vars.{name}_file in a project), or make all three of one"
        " with --split 80/10/10"
    ]
