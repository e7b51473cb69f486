"""What people and tools call the columns of a table and the keys of an object, by role; of spans, too.

One table for all formats: a name that one tool uses turns up in the files of others. The first name that is there wins.
Tables compare them without regard to case, JSON exactly. Chinese names are known by the English ones that they stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# Of tables that were kept by hand, mostly. In small letters.
CHINESE = {
    "文本": "text", "文字": "text", "原文": "source_text", "正文": "body", "内容": "content", "內容": "content",
    "句子": "sentence", "语句": "sentence",
    "实体": "entity", "實體": "entity", "命名实体": "named_entities", "实体列表": "entities", "实体名": "entity_name",
    "实体名称": "entity_name", "标注": "annotation", "標註": "annotation",
    "标签": "label", "標籤": "label", "实体标签": "entity_label", "实体类型": "entity_type", "实体类别": "entity_type",
    "类型": "type", "類型": "type", "类别": "category", "類別": "category",
    "字": "token", "字符": "token", "词": "word", "词语": "word", "詞": "word", "单词": "word",
    "句子编号": "sentence_id", "句子序号": "sentence_id", "句子id": "sentence_id",
    "文档编号": "doc_id", "文档id": "doc_id", "文件名": "filename", "编号": "id", "編號": "id", "序号": "id",
    "开始": "start", "開始": "start", "起始": "start", "起点": "start", "开始位置": "start", "起始位置": "start",
    "结束": "end", "結束": "end", "终点": "end", "结束位置": "end", "终止位置": "end",
    # what is beside the entities in a table
    "标题": "title", "語言": "language", "语言": "language", "来源": "source", "作者": "author", "链接": "url",
    "摘要": "summary", "问题": "question", "答案": "answer", "情感": "sentiment", "主题": "topic", "意图": "intent",
}  # fmt: skip


def _also_chinese(*names: str) -> tuple[str, ...]:
    """The names, and after them the Chinese ones that stand for them."""
    return (*names, *(chinese for name in names for chinese, english in CHINESE.items() if english == name))


TEXT = _also_chinese(
    "text", "sentence", "content", "document", "data", "doc", "body", "sentence_text", "input", "full_text", "doc_text",
    "raw_text", "source_text", "unmasked_text", "originalText", "sentText", "text_a", "generated_text",
)  # fmt: skip
SPANS = _also_chinese(
    "entities", "spans", "labels", "label", "annotations", "ents", "ner", "annotation", "entity", "ner_spans", "instances", "tags",
    "mentions", "privacy_mask", "entity_list", "entityList", "named_entities", "predictions", "pii_spans", "denotations", "results", "extractions",
)  # fmt: skip
_LISTS_OF_TOKENS = ("tokens", "words", "tokenized_text", "tokenised_unmasked_text")
_ONE_TOKEN = _also_chinese("word", "token", "form", "term")
_LISTS_OF_TAGS = _also_chinese(
    "ner_tags", "tags", "ner", "labels", "ner_labels", "entities", "label", "iob", "bio_tags", "fine_ner_tags",
    "token_entity_labels",
)  # fmt: skip
_ONE_TAG = _also_chinese("tag", "ner", "ner_tag", "label", "entity", "iob", "bio", "ne", "target")
# Where a row is a sentence, and where it is one token.
TOKENS, TOKEN = (*_LISTS_OF_TOKENS, *_ONE_TOKEN), (*_ONE_TOKEN, *_LISTS_OF_TOKENS)
TAGS, TAG = (*_LISTS_OF_TAGS, *_ONE_TAG), (*_ONE_TAG, *_LISTS_OF_TAGS)
# What is a list or an object, and a text where somebody has written it as JSON or as Python prints it.
LISTS = frozenset((*SPANS, *_LISTS_OF_TOKENS, *_LISTS_OF_TAGS))
# Which sentence a token is in.
SENTENCE = _also_chinese(
    "sentence #", "sentence", "sentence_id", "sentence id", "sent_id", "sentid", "sentence_number", "sentence_idx",
    "sent", "sentence number", "sent_idx", "sentence_index", "sent_index", "sent #", "sentence_no", "sent_no",
    "sentence_num", "sent_num", "sentenceid", "doc_id", "document_id", "document", "id",
)  # fmt: skip
# Which text a span is in.
ID = _also_chinese("document_id", "doc_id", "text_id", "sentence_id", "id", "filename", "file")


def text_names(given: Iterable[Any]) -> Sequence[str]:
    """The names of texts, first those that count first beside the given columns or keys: of a `text` and a `文本` the second
    one where the entities are in `实体`."""
    plain = {str(name).strip().lower() for name in given}
    spans = next((name for name in SPANS if name.lower() in plain), None)
    return sorted(TEXT, key=lambda name: name not in CHINESE) if spans in CHINESE else TEXT


# What is kept with a document.
META = ("id", "doc_id", "document_id", "split", "meta", "source")

_START = _also_chinese(
    "start", "start_offset", "startOffset", "begin", "begin_offset", "beginOffset", "BeginOffset", "start_char", "offset",
)  # fmt: skip
_END = _also_chinese("end", "end_offset", "endOffset", "EndOffset", "end_char", "stop", "finish")
# In small letters and without underscores, for the spellings that are not above (char_start, startIndex, ...).
_PLAIN_START = frozenset(
    (
        "start", "startoffset", "begin", "beginoffset", "startchar", "charstart", "startindex", "startpos", "startposition",
        "offsetstart", "startind", "startidx", "beginpos", "beginposition", "beginindex", "beginchar", "charbegin",
        "characteroffsetbegin", "from", "offset",
    )
)  # fmt: skip
_PLAIN_END = frozenset(
    (
        "end", "endoffset", "endchar", "charend", "endindex", "endpos", "endposition", "offsetend", "endind", "endidx",
        "characteroffsetend", "stop", "to", "finish",
    )
)  # fmt: skip
_LABEL = _also_chinese(
    "label", "labels", "className", "entity_group", "entity_type", "type", "types", "tag", "category", "entity", "Type", "label_name",
    "annotation", "tag_name", "class", "label_", "ner", "name", "obj",
    "extraction_class",
)  # fmt: skip
_PLAIN_LABEL = frozenset(
    (
        "label", "labels", "entitygroup", "entitytype", "enttype", "entitylabel", "labeltype", "type", "tag", "tagname", "category", "class",
        "ner", "nertag", "nerlabel", "entity", "entitytag", "cls", "lbl", "lab",
    )
)  # fmt: skip
_SURFACE = _also_chinese(
    "text", "surface", "word", "value", "Text", "span", "mention", "entity_value", "entity", "entity_name", "name", "extraction_text",
)  # fmt: skip


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


def _key(item: Mapping[str, Any], names: Sequence[str], plain: frozenset[str]) -> str | None:
    for name in names:
        if name in item:
            return name
    return next((key for key in item if isinstance(key, str) and _plain(key) in plain), None)


def offsets_of(item: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """Start and end as they stand in a span (`{"start": 0, "end": 5}`, `{"span": [0, 5]}`, `{"location": {...}}`, offset
    and length), or None."""
    for name in (
        "location",
        "span",
        "offsets",
        "position",
        "entity_index",
        "char_span",
        "indices",
        "char_interval",
    ):
        inner = item.get(name)
        if isinstance(inner, (list, tuple)):
            if len(inner) == 1 and isinstance(inner[0], (list, tuple)):
                inner = inner[0]
            if len(inner) == 2 and all(isinstance(x, int) for x in inner):
                return inner[0], inner[1]
        elif isinstance(inner, Mapping) and (pair := offsets_of(inner)) is not None:
            return pair
    start = _key(item, _START, _PLAIN_START)
    if start is None:
        keys = _short(item)
        return None if keys is None else (item[keys[0]], item[keys[1]])
    end = _key(item, _END, _PLAIN_END)
    if end is not None:
        return item[start], item[end]
    if isinstance(item[start], int) and isinstance(item.get("length"), int):
        return item[start], item[start] + item["length"]
    return None


def names_a_label(key: str) -> bool:
    """Is this a name of a label's key, however it is spelt (`EntType`, `entity_type`)?"""
    return _plain(key) in _PLAIN_LABEL


def _short(item: Mapping[str, Any]) -> tuple[str, str] | None:
    """The keys of start and end where those are one or two letters and their values numbers."""
    if (
        "sidS" in item or "charS" in item
    ):  # Datasaur's count tokens, with sentences and characters in keys of their own
        return None
    for pair in (("s", "e"), ("b", "e"), ("st", "en"), ("st", "ed"), ("i", "j")):
        if all(type(item.get(key)) is int for key in pair):
            return pair
    return None


def label_key(item: Mapping[str, Any]) -> str | None:
    """The key of a span's label. Of `entity` and `type` it is `type`: the other one is then the text."""
    key = _key(item, _LABEL, _PLAIN_LABEL)
    if key is None and (pair := _short(item)) is not None:
        # of l and t the one is the label and the other the text; alone either is the label
        return next((name for name in ("l", "c", "t") if name in item and name not in pair), None)
    return key


def surface_of(item: Mapping[str, Any]) -> str | None:
    """The text that is stored in a span."""
    label = label_key(item)
    for key in _SURFACE:
        if key != label and isinstance(item.get(key), str):
            return str(item[key])
    if label in ("l", "c") and _short(item) is not None and isinstance(item.get("t"), str):
        return str(item["t"])
    return None


def by_columns(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The entities of `{"start": [0, 9], "end": [3, 13], "label": ["PER", "LOC"]}`, which a sequence of features of the
    `datasets` library is, and of `{"text": ["Ann", "Oslo"], "label": ["PER", "LOC"]}`; None for anything else."""
    columns = {key: each for key, each in value.items() if isinstance(each, (list, tuple))}
    if len(columns) < 2 or len({len(each) for each in columns.values()}) != 1:
        return None
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    first = rows[0] if rows else dict.fromkeys(columns, "")
    label = label_key(first)
    words = label not in ("name", "class", "category", "entity") and surface_of(first) is not None
    return rows if label is not None and (words or offsets_of(first) is not None) else None
