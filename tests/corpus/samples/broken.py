"""Broken input files of many kinds, made when they are needed: tables, JSON, containers, encodings, sources."""

import bz2
import gzip
import io
import json
import lzma
import struct
import zipfile
import zlib
from pathlib import Path

TEXT = "Marie Curie was born in Warsaw."
ROW = f'{TEXT},"[[0, 11, ""PER""]]"\n'
GOOD_CSV = "text,entities\n" + ROW * 40
GOOD_LINE = json.dumps({"text": TEXT, "entities": [[0, 11, "PER"]]}) + "\n"


def _zip(members, **attributes):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return buffer.getvalue()


def _gzip_bomb():
    # 80 MiB of spaces: more than the 64 MiB that may unpack freely, at a ratio of about 1000
    return gzip.compress(b"text,entities\n" + b" " * (80 << 20), 1)


def _docbin(attributes=b""):
    from spacy.tokens import Doc, DocBin
    from spacy.vocab import Vocab

    frame = DocBin(store_user_data=True)
    frame.add(Doc(Vocab(), words=["a", "b"]))
    return frame.to_bytes()


def _parquet():
    import pyarrow
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({"tokens": [["a"]], "ner_tags": [["O"]]}), buffer)
    return buffer.getvalue()


def _jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


# name of the case -> (file name, content, what the one line must say, line number in it or None)
BROKEN = {
    # tables
    "empty file": ("a.csv", "", "empty", None),
    "white space only": ("a.csv", "  \n \n", "nothing but white space", None),
    "header only": ("a.csv", "text,entities\n", "header and no rows", 1),
    "ragged row": ("a.csv", GOOD_CSV + "a,b,c\n", "a row of 3 cells", 42),
    "short row": ("a.csv", GOOD_CSV + "alone\n", "a row of 1 cells", 42),
    "unquoted comma": ("a.csv", GOOD_CSV + "one, two,[]\n", "a row of 3 cells", 42),
    "unclosed quote": ("a.csv", GOOD_CSV + 'a,"[[0, 1, ""X""]]\n', "a quote that is never closed", 42),
    "wrong column names": ("a.csv", "phrase,markup\nhello,there\n", "no format", 1),
    "cell of broken JSON": (
        "a.csv",
        GOOD_CSV + 'hello,"[[0, 5, ""X"""\n',
        "neither JSON nor a Python literal",
        42,
    ),
    "cell of a call": (
        "a.csv",
        GOOD_CSV + "hello,\"[__import__('os')]\"\n",
        "neither JSON nor a Python literal",
        42,
    ),
    "cell of one number": ("a.csv", GOOD_CSV + "hello,7\n", "cannot read the span", 42),
    "negative offset": ("a.csv", GOOD_CSV + 'hello,"[[-1, 5, ""X""]]"\n', "the offset -1 is negative", 42),
    "offset is a word": ("a.csv", GOOD_CSV + 'hello,"[[""a"", ""b"", ""X""]]"\n', "is not a number", 42),
    "half an offset": ("a.csv", GOOD_CSV + 'hello,"[[0.5, 5, ""X""]]"\n', "is not a number", 42),
    "span of two": ("a.csv", GOOD_CSV + 'hello,"[[0, 5]]"\n', "cannot read the span", 42),
    "span without a label": ("a.csv", GOOD_CSV + 'hello,"[{""start"": 0, ""end"": 5}]"\n', "no label", 42),
    "label is a list of objects": ("a.csv", GOOD_CSV + 'hello,"[[0, 5, {""a"": 1}]]"\n', "no label", 42),
    "NUL in a table": ("a.csv", GOOD_CSV + "he\0llo,[]\n", "NUL byte", 42),
    "tags without tokens": ("a.csv", "word,tag\nMarie,B-PER\n,I-PER\nsings,O\n", "without a token", 3),
    "token row too long": ("a.csv", "word,tag\nMarie,B-PER\nCurie,I-PER,x\n", "a row of 3 cells", 3),
    "tag list too short": ("a.csv", "Sentence,Tag\nMarie Curie,\"['B-PER']\"\n", "2 words but 1 tags", 2),
    "text too long": ("a.csv", "text,entities\n" + "word " * 300_000 + ",[]\n", "1,500,000 characters", 2),
    # JSON
    "cut JSON line": ("a.jsonl", GOOD_LINE * 30 + GOOD_LINE[:40], "not JSON", 31),
    "cut JSON list": (
        "a.json",
        "[" + ",\n".join([GOOD_LINE.strip()] * 30),
        "end of the file inside a list",
        30,
    ),
    "cut inside a list element": ("a.json", "[" + GOOD_LINE + "," + GOOD_LINE[:30], "not JSON", 2),
    "single quotes": ("a.jsonl", GOOD_LINE * 5 + "{'text': 'a'}\n", "not JSON", 6),
    "number among objects": ("a.jsonl", GOOD_LINE * 5 + "7\n", "7 is not an object", 6),
    "no text": ("a.jsonl", GOOD_LINE * 5 + _jsonl({"entities": []}), "no text among the keys", 6),
    "no entities": ("a.jsonl", GOOD_LINE * 5 + _jsonl({"text": "a"}), "no entities among the keys", 6),
    "text is a number": ("a.jsonl", _jsonl({"content": 7, "annotation": []}), "the text is 7", None),
    "spans are a word": (
        "a.jsonl",
        GOOD_LINE * 5 + _jsonl({"text": "a", "entities": {"X": 3}}),
        "cannot read the spans",
        6,
    ),
    "negative offset in JSON": (
        "a.jsonl",
        GOOD_LINE * 5 + _jsonl({"text": "a", "entities": [[-4, 1, "X"]]}),
        "the offset -4 is negative",
        6,
    ),
    "nested too deeply": ("a.jsonl", GOOD_LINE + '{"text": ' + "[" * 100_000 + "\n", "nested too deeply", 2),
    "long line": ("a.jsonl", GOOD_LINE + '{"text": "' + "a" * (10 << 20) + '"}\n', "a line of more than", 2),
    "duplicate ids": (
        "a.jsonl",
        _jsonl(*({"id": i, "text": f"a{n}", "entities": []} for n, i in enumerate("1231"))),
        "the id '1' of line 1 again",
        4,
    ),
    "duplicate ids in a table": (
        "a.csv",
        "id,text,entities\n1,Ann,[]\n1,Bob,[]\n",
        "the id '1' of line 2 again",
        3,
    ),
    "words and tags of a row": (
        "a.csv",
        "tokens,tags\n" + 'a b,"O,O"\n' * 12 + "a b,O\n",
        "2 words but 1 tags",
        14,
    ),
    "a list cut by numpy": (
        "a.csv",
        "tokens,tags\n\"['a' 'b']\",\"['O' 'O']\"\n\"['a' ... 'b']\",\"['O' ... 'O']\"\n",
        "a list that was shortened",
        3,
    ),
    "unknown answer": (
        "a.jsonl",
        _jsonl({"text": "a", "_input_hash": 1, "spans": [], "answer": "perhaps"}),
        "the answer 'perhaps'",
        1,
    ),
    "tokens and tags differ": (
        "a.jsonl",
        _jsonl({"tokens": ["a"], "ner_tags": ["O"]}, {"tokens": ["a", "b"], "ner_tags": ["O"]}),
        "2 tokens but 1 tags",
        2,
    ),
    "tag numbers without names": (
        "a.jsonl",
        _jsonl({"tokens": ["a"], "ner_tags": [3]}),
        "nothing says their names",
        1,
    ),
    "task without data": (
        "a.json",
        json.dumps([{"data": {"text": "a"}, "annotations": []}, {"annotations": []}]),
        "no data",
        1,
    ),
    "v2 JSON without tokens": (
        "a.json",
        json.dumps([{"id": 0, "paragraphs": [{"sentences": [{"words": []}]}]}]),
        "a paragraph without",
        1,
    ),
    "pair without annotations": (
        "a.json",
        json.dumps([["a", {"entities": []}], ["b"]]),
        "not a pair of text and annotations",
        None,
    ),
    "Python that is none": ("a.py", 'TRAIN_DATA = [("a", {"entities": [)]', "neither JSON nor Python", 1),
    "a list as a key in Python": (
        "a.py",
        'TRAIN_DATA = [\n    ("a", {"entities": [(0, 1, "X")]}),\n    ("b", {"entities": {[1]: 2}}),\n]',
        "neither JSON nor Python",
        3,
    ),
    "a list of tags without quotes": (
        "a.csv",
        'tokens,ner_tags\nJoe left,"[B-PER, O]"\nand came,"[O, O]"\n',
        "a list where one tag belongs: '.B-PER, O.'",
        2,
    ),
    "lists of words and tags without quotes": (
        "a.csv",
        'tokens,ner_tags\n"[Joe, left]","[B-PER, O]"\n"[and, came]","[O, O]"\n',
        "column 'ner_tags': a list that neither JSON nor Python reads: '.B-PER, O.'",
        2,
    ),
    "a list as a key among tags": (
        "a.csv",
        "tokens,ner_tags\n" + 'a b,"[""B-X"", ""O""]"\n' * 20 + 'a b,"[{[1]: 2}, 3]"\n',
        "a list that neither JSON nor Python reads",
        22,
    ),
    "Python that computes": (
        "a.py",
        'TRAIN_DATA = [("a", {"entities": [(0, 1, "X")]}), make("b")]',
        "not written out",
        1,
    ),
    "CLUENER without positions": (
        "a.json",
        _jsonl(
            {"text": "ab", "label": {"name": {"ab": [[0, 1]]}}},
            {"text": "ab", "label": {"name": {"ab": [0]}}},
        ),
        "the position 0",
        2,
    ),
    "Azure without its texts": (
        "a.json",
        json.dumps(
            {"projectFileVersion": "1", "assets": {"documents": [{"location": "gone.txt", "entities": []}]}}
        ),
        "is not beside it",
        None,
    ),
    "Azure text outside the folder": (
        "a.json",
        json.dumps(
            {"projectFileVersion": "1", "assets": {"documents": [{"location": "../x.txt", "entities": []}]}}
        ),
        "outside its folder",
        None,
    ),
    "tagtog without its page": (
        "a.ann.json",
        json.dumps({"annotatable": {"parts": ["p"]}, "entities": []}),
        "plain.html, is not there",
        None,
    ),
    # containers
    "truncated gz": ("a.csv.gz", gzip.compress(GOOD_CSV.encode())[:-20], "cannot be read to its end", None),
    "truncated bz2": (
        "a.csv.bz2",
        bz2.compress(GOOD_CSV.encode() * 20000)[:-20],
        "cannot be read to its end",
        None,
    ),
    "truncated xz": ("a.csv.xz", lzma.compress(GOOD_CSV.encode())[:-20], "cannot be read to its end", None),
    "gz of garbage": (
        "a.csv.gz",
        b"\x1f\x8b\x08\x00" + b"\x01\x02\x03" * 50,
        "cannot be read to its end",
        None,
    ),
    "gz with a wrong sum": (
        "a.csv.gz",
        gzip.compress(GOOD_CSV.encode())[:-8] + struct.pack("<II", 1, 2),
        "cannot be read to its end",
        None,
    ),
    "gz bomb": ("a.csv.gz", _gzip_bomb, "times its size", None),
    "truncated zip": ("a.zip", _zip({"a.csv": GOOD_CSV})[:-30], "cannot be read to its end", None),
    "empty zip": ("a.zip", _zip({}), "holds no data file", None),
    "zip of a picture": ("a.zip", _zip({"a.png": b"\x89PNG"}), "holds no data file", None),
    "zip with a path outside": ("a.zip", _zip({"../../a.csv": GOOD_CSV}), "points outside", None),
    "zip with an absolute path": ("a.zip", _zip({"/etc/a.csv": GOOD_CSV}), "points outside", None),
    "zip with a link": (
        "a.zip",
        _zip({"a.csv": "/etc/passwd"}, external_attr=0o120777 << 16),
        "points outside",
        None,
    ),
    "zip bomb": ("a.zip", lambda: _zip({"a.csv": b" " * (80 << 20)}), "decompression bomb", None),
    "cut DocBin": ("a.spacy", lambda: _docbin()[:-30], "no format|not a complete .spacy file|binary", None),
    "DocBin of something else": (
        "a.spacy",
        zlib.compress(b"\x82\xa7version\xa30.1\xa5attrs\x90"),
        "not a complete .spacy",
        None,
    ),
    "cut Parquet": ("a.parquet", lambda: _parquet()[:-10], "not a complete file", None),
    "Arrow of garbage": ("a.arrow", b"ARROW1\0\0" + b"\1" * 100, "not a complete file", None),
    "a picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "no format|NUL|encoding", None),
    # encodings
    "mixed encodings": (
        "a.csv",
        GOOD_CSV.encode() + "Zoé café naïve,[]\n".encode() * 3 + "Zoé,[]\n".encode("cp1252"),
        "0xe9 is not utf-8",
        45,
    ),
    "UTF-16 cut in half": ("a.csv", GOOD_CSV.encode("utf-16")[:-1], "is not utf-16", None),
    "UTF-8 cut in half": ("a.jsonl", (GOOD_LINE + '{"text": "é').encode()[:-1], "is not utf-8|not JSON", 2),
    "wrong encoding given": (
        "a.csv",
        GOOD_CSV.encode() + "é,[]\n".encode(),
        "is not ascii",
        42,
        {"encoding": "ascii"},
    ),
    "unknown encoding given": ("a.csv", GOOD_CSV, "no text encoding is called", None, {"encoding": "utf-99"}),
    # settings that do not fit the file
    "unknown format": ("a.csv", GOOD_CSV, "no format is called 'cvs'", None, {"format": "cvs"}),
    "unknown column": ("a.csv", GOOD_CSV, "no column 'body'", 1, {"text_column": "body"}),
    "unknown language": ("a.csv", GOOD_CSV, "no language 'xq'", None, {"lang": "xq"}),
    "unknown alignment": ("a.csv", GOOD_CSV, "align='wide'", None, {"align": "wide"}),
    "wrong split": ("a.csv", GOOD_CSV, "the split '80'", None, {"split": "80"}),
    "loss under strict": (
        "a.csv",
        GOOD_CSV + 'hello,"[[0, 3, ""X""]]"\n',
        "would be dropped or changed",
        42,
        {"strict": True},
    ),
}


def make(case: str, folder: Path) -> tuple[Path, str, int | None, dict]:
    """Writes a case's file into the folder: its path, what the error says, the line it names, the settings."""
    name, content, says, line, *rest = BROKEN[case]
    content = content() if callable(content) else content
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path, says, line, rest[0] if rest else {}
