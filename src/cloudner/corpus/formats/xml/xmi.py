"""UIMA CAS as XMI, as INCEpTION, DKPro and cTAKES write it: a Sofa with the text, an element an annotation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cloudner.corpus.contract import Format, Match, ReadOptions, Record, Sample, Source
from cloudner.corpus.formats.cas import TYPE, record_of
from cloudner.corpus.formats.xml.parse import Handler, parse
from cloudner.errors import InputError


class _Cas(Handler):
    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.spaces: dict[str, str] = {}  # prefix -> the package of its types
        self.texts: dict[str, str] = {}
        self.annotations: list[dict[str, Any]] = []

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        for key, value in attrs.items():
            if key.startswith("xmlns:"):
                self.spaces[key[6:]] = value.rsplit(":///", 1)[-1].removesuffix(".ecore").replace("/", ".")
        prefix, _, kind = name.rpartition(":")
        if kind == "Sofa" and "sofaString" in attrs:
            self.texts[attrs.get("xmi:id", "")] = attrs["sofaString"]
        elif "begin" in attrs and "end" in attrs:
            features = {k: v for k, v in attrs.items() if ":" not in k and k != "sofa"}
            package = self.spaces.get(prefix, prefix)
            self.annotations.append({**features, TYPE: f"{package}.{kind}", "sofa": attrs.get("sofa", "")})


def _sniff(sample: Sample) -> Match | None:
    if "<xmi:XMI" in sample.text[:4000] and ("uima" in sample.text or "sofaString" in sample.text):
        return Match(0.99, "an <xmi:XMI> element (UIMA CAS)")
    return None


def _read(source: Source, options: ReadOptions) -> Iterator[Record]:
    """One record a view with a text."""
    cas = _Cas(source.name)
    parse(source.text(), cas)
    for identity, text in cas.texts.items():
        mine = [
            {key: value for key, value in each.items() if key != "sofa"}
            for each in cas.annotations
            if each["sofa"] in ("", identity)
        ]
        yield record_of(source.name, 1, text, mine, options)
    if not cas.texts:
        raise InputError(
            "no view with a text", file=source.name, line=1, expected="a Sofa with its sofaString"
        )


_EXAMPLE = """<?xml version="1.0" encoding="UTF-8"?>
<xmi:XMI xmlns:xmi="http://www.omg.org/XMI" xmlns:cas="http:///uima/cas.ecore" xmlns:type="http:///de/tudarmstadt/ukp/dkpro/core/api/ner/type.ecore" xmi:version="2.0">
<cas:NULL xmi:id="0"/>
<type:NamedEntity xmi:id="2" sofa="1" begin="0" end="11" value="PER"/>
<type:NamedEntity xmi:id="3" sofa="1" begin="24" end="30" value="LOC"/>
<cas:Sofa xmi:id="1" sofaNum="1" sofaID="_InitialView" mimeType="text" sofaString="Marie Curie was born in Warsaw."/>
</xmi:XMI>
"""
XMI = Format(
    "xmi",
    "UIMA CAS as XMI (INCEpTION, DKPro, cTAKES)",
    (".xmi", ".xml"),
    _sniff,
    _read,
    example=_EXAMPLE,
)
