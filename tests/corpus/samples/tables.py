"""Samples of the formats of the family tables: CSV and TSV. Name of the format, file name, content."""

import json

from corpus.samples.words import ADA_TAGS, ADA_WORDS, CELL, CSV_CELL, LABELS, TAGS, TEXT, WORDS

# What is in SPANS of `words`.
CASES = {
    "csv json": ("csv", "a.csv", f"text,entities\n{TEXT},{CSV_CELL}\n"),
    "csv python": ("csv", "a.csv", f"text,entities\n{TEXT},\"[(0, 11, 'PER'), (24, 30, 'LOC')]\"\n"),
    "csv compact": ("csv", "a.csv", f"sentence,labels\n{TEXT},0:11:PER;24:30:LOC\n"),
    "csv compact spaces": ("csv", "a.csv", f"text,entities\n{TEXT},0:11:PER 24:30:LOC\n"),
    "csv entities dict": (
        "csv",
        "a.csv",
        f"text,entities\n{TEXT},\"{{'entities': [(0, 11, 'PER'), (24, 30, 'LOC')]}}\"\n",
    ),
    "csv semicolons": ("csv", "a.csv", f"id;text;spans\n7;{TEXT};{CSV_CELL}\n"),
    "csv odd names": ("csv", "a.csv", f"text,what\n{TEXT},{CSV_CELL}\n"),
    "tsv": ("tsv", "a.tsv", f"text\tentities\n{TEXT}\t{json.dumps(LABELS)}\n"),
    "kaggle": (
        "token-table",
        "ner_dataset.csv",
        "Sentence #,Word,POS,Tag\n"
        + "".join(
            f"{'Sentence: 1' if not i else ''},{w},NN,{t}\n"
            for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True))
        ),
    ),
    "kaggle features": (
        "token-table",
        "ner.csv",
        ",lemma,pos,prev-iob,sentence_idx,word,tag\n"
        + "".join(f"{i},x,NN,O,1.0,{w},{t}\n" for i, (w, t) in enumerate(zip(WORDS, TAGS, strict=True))),
    ),
    "kaggle lists": (
        "tag-table",
        "a.csv",
        f'Sentence #,Sentence,POS,Tag\nSentence: 1,"{" ".join(WORDS)}","[]","{TAGS}"\n',
    ),
    "sentence and labels with commas": (
        "tag-table",
        "a.csv",
        f'sentence,word_labels\n{" ".join(WORDS)},"{",".join(TAGS)}"\n',
    ),
    "text and labels with spaces": (
        "tag-table",
        "a.tsv",
        f"id\ttext\tlabels\n1\t{' '.join(WORDS)}\t{' '.join(TAGS)}\n",
    ),
    "lists of Python": ("tag-table", "a.csv", f'id,tokens,ner_tags\n1,"{WORDS}","{TAGS}"\n'),
    "lists of JSON": (
        "tag-table",
        "a.tsv",
        f"tokens\ttags\n{json.dumps(WORDS)}\t{json.dumps(TAGS)}\n",
    ),
    "lists that numpy printed": (
        "tag-table",
        "a.csv",
        'tokens,ner_tags\n"[{}]","[{}]"\n'.format("\n ".join(map(repr, WORDS)), " ".join(map(repr, TAGS))),
    ),
    "tokens without sentences": (
        "token-table",
        "a.csv",
        "word,tag\n" + "".join(f"{w},{t}\n" for w, t in zip(WORDS, TAGS, strict=True)),
    ),
    "PaddleNLP's table": (
        "tag-table",
        "train.tsv",
        "text_a\tlabel\n" + "\x02".join(WORDS) + "\t" + "\x02".join(TAGS) + "\n",
    ),
    "a span a row": (
        "span-table",
        "a.csv",
        "id,text,start,end,label\n" + "".join(f"1,{TEXT},{a},{b},{k}\n" for a, b, k in LABELS),
    ),
    "no header": ("csv", "a.csv", f'{TEXT},"{CELL}"\n'),
    "words in a cell": ("mention-table", "a.csv", f'text,entities\n{TEXT},"[(\'Marie Curie\', \'PER\'), (\'Warsaw\', \'LOC\')]"\n'),
    "words by label in a cell": (
        "mention-table", "a.tsv", f"sentence\tlabels\n{TEXT}\t{{'PER': ['Marie Curie'], 'LOC': 'Warsaw', 'ORG': []}}\n"
    ),
    "word:LABEL in a cell": ("mention-table", "a.csv", f"text,entities\n{TEXT},Marie Curie:PER; Warsaw:LOC\n"),
    "word (LABEL) in a cell": ("mention-table", "a.csv", f'text,entities\n{TEXT},"Marie Curie (PER), Warsaw (LOC)"\n'),
    "a word a row": ("mention-table", "a.csv", f"text,entity,label\n{TEXT},Marie Curie,PER\n{TEXT},Warsaw,LOC\n"),
}  # fmt: skip
# What published files have beyond what their formats say; in them is what is in ADA_ENTITIES.
SHAPES = {
    "words and tags joined by bars": (
        "tag-table",
        "ner.csv",
        "words,labels,mode\n" + "|".join(ADA_WORDS) + "," + "|".join(ADA_TAGS) + ",train\n",
    ),
    "zeros for O in a cell": (
        "tag-table",
        "ner_dataset.csv",
        "text,label\n" + " ".join(ADA_WORDS) + " ," + " ".join("0" if t == "O" else t for t in ADA_TAGS) + "\nonly words here ,0 0 0\n",
    ),
}  # fmt: skip
