"""What a conversion did: counts, where the files are, what was lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloudner.corpus.annotators import Agreement
from cloudner.corpus.issues import CAUSES, Action, ConversionIssue
from cloudner.errors import printable
from cloudner.pages.numbers import percent


@dataclass
class ConversionReport:
    """The result of `convert`.

    outputs: files written (a folder where there are shards), with their number of documents.
    detected: for each input file its name, its format and the reason for taking it for that.
    begins: the first words of each input file. docs, tokens, entities: totals. unannotated_tokens: tokens of which nobody said whether they are in an entity;
    unannotated_docs: documents of nothing else. labels: entities by label. spans: by name of a group in `doc.spans` how many "spans", "nested", "crossing" and
    "same_place" ones. issues: how often, by cause and action.
    examples: the first issue of each cause. issues_path: the JSON lines file with every issue, or None without any.
    agreement: of each two people who annotated the same documents, how far they agree, the most documents first.
    decisions: lines of the file of decisions by "accept", "reject" and "open"; the accepted ones are applied.
    hints: sentences on settings that do not seem to suit the texts. seconds: wall-clock time.
    """

    outputs: dict[Path, int] = field(default_factory=dict)
    detected: list[tuple[str, str, str]] = field(default_factory=list)
    begins: dict[str, str] = field(default_factory=dict)
    docs: int = 0
    tokens: int = 0
    entities: int = 0
    unannotated_tokens: int = 0
    unannotated_docs: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    spans: dict[str, dict[str, int]] = field(default_factory=dict)
    issues: Counter[tuple[str, Action]] = field(default_factory=Counter)
    examples: dict[str, ConversionIssue] = field(default_factory=dict)
    issues_path: Path | None = None
    agreement: list[Agreement] = field(default_factory=list)
    decisions: dict[str, int] = field(default_factory=dict)
    hints: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """How many annotations were dropped or now cover other text."""
        return sum(count for (_, action), count in self.issues.items() if action in ("dropped", "changed"))

    def as_dict(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "outputs": {str(path): docs for path, docs in self.outputs.items()},
            "detected": [
                {"file": f, "format": n, "reason": r, "begins": self.begins.get(f, "")}
                for f, n, r in self.detected
            ],
            "docs": self.docs,
            "tokens": self.tokens,
            "entities": self.entities,
            "unannotated_tokens": self.unannotated_tokens,
            "unannotated_docs": self.unannotated_docs,
            "labels": dict(self.labels.most_common()),
            "spans": self.spans,
            "issues": [
                {"cause": cause, "action": action, "count": count}
                for (cause, action), count in self.issues.most_common()
            ],
            "lost": self.lost,
            "issues_path": None if self.issues_path is None else str(self.issues_path),
            "agreement": [
                {"annotators": list(each.names), "documents": each.documents, "f1": each.f1}
                for each in self.agreement
            ],
            "decisions": dict(self.decisions),
            "hints": list(self.hints),
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """The summary for a terminal, one line an element."""
        out = []
        shown: Counter[tuple[str, str]] = Counter()
        for file, name, reason in self.detected:
            shown[name, reason] += 1
            if len(shown) <= 5 and shown[name, reason] == 1:
                begins = f"; begins: {self.begins[file]}" if self.begins.get(file) else ""
                out.append(f"{file}: {name} ({reason}{begins})")
        if len(self.detected) > len(out):
            out.append(f"... {len(self.detected)} files in all")
        rate = self.docs / self.seconds if self.seconds else 0.0
        out.append(
            f"{self.docs:,} documents, {self.tokens:,} tokens, {self.entities:,} entities"
            f" in {self.seconds:.1f} s ({rate:,.0f} documents/s)"
        )
        out.append(
            f"not annotated: {self.unannotated_tokens:,} tokens, {self.unannotated_docs:,} whole documents among them"
            if self.unannotated_tokens
            else "not annotated: 0 tokens, 0 documents"
        )
        if self.labels:
            common = self.labels.most_common(12)
            more = "" if len(self.labels) <= 12 else f", ... {len(self.labels)} labels"
            out.append("labels: " + ", ".join(f"{label} {count:,}" for label, count in common) + more)
        out += self._agreement()
        if self.decisions:
            named = {"accept": "accepted and applied", "reject": "rejected", "open": "without a decision"}
            said = ", ".join(f"{self.decisions.get(name, 0):,} {text}" for name, text in named.items())
            out.append(f"decisions: {said}")
        for name, counts in self.spans.items():
            out.append(
                f"doc.spans[{name!r}]: {counts['spans']:,} spans, {counts['nested']:,} inside another, "
                f"{counts['crossing']:,} across one, {counts['same_place']:,} in the same place as one"
            )
        for path, docs in self.outputs.items():
            out.append(f"wrote {path} ({docs:,} documents)")
        if self.issues:
            width = max(len(cause) for cause, _ in self.issues)
            out.append("")
            for (cause, action), count in sorted(self.issues.items(), key=lambda item: -item[1]):
                example = self.examples.get(cause)
                where = f"; first: {example.file}:{example.line}" if example else ""
                where += f" ({example.record})" if example and example.record else ""
                out.append(f"  {cause:<{width}}  {action:<8}  {count:>7,}  {CAUSES.get(cause, '')}{where}")
            out.append(f"every one is in {self.issues_path}" if self.issues_path else "")
        out += [f"hint: {hint}" for hint in self.hints]
        return [printable(line) for line in out]

    def _agreement(self, most: int = 5) -> list[str]:
        """A line for each two annotators."""
        out = []
        for each in self.agreement[:most]:
            f1 = "no span by either" if each.f1 is None else f"F1 {percent(each.f1)}"
            one, other = each.spans
            out.append(
                f"agreement of {each.names[0]} and {each.names[1]}: {f1} of spans with equal ends and label,"
                f" {one:,} and {other:,} spans in {each.documents:,} {'document' if each.documents == 1 else 'documents'}"
            )
        if len(self.agreement) > most:
            out.append(f"... agreement of {len(self.agreement)} pairs in all: --json")
        return out
