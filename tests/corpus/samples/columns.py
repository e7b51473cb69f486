"""Samples of the formats of the family columns: one token per line. Name of the format, file name, content."""

from corpus.samples.words import ADA_PAIRS, PAIRS, ada_rows, parted

COARSE = "TOKEN\tNE-COARSE-LIT\tNE-COARSE-METO\tNE-FINE-LIT\tNEL-LIT\tMISC\n"
# What is in SPANS of `words`.
CASES = {
    "small letters": ("conll", "a.conll", "".join(f"{w} {t.lower()}\n" for w, t in PAIRS).replace("-per", "-PER").replace("-loc", "-LOC")),
    "zeros": ("conll", "a.conll", "".join(f"{w} {'0' if t == 'O' else t}\n" for w, t in PAIRS)),
    "comments as wide as rows": ("conll", "a.conll", "# id 0b-6 domain=x\n\n" + "".join(f"{w} _ _ {t}\n" for w, t in PAIRS)),
    "VLSP": ("conll", "a.txt", "<s>\n" + "".join(f"{w}\tN\tB-NP\t{t}\tO\n" for w, t in PAIRS) + "</s>\n"),
    "HIPE-2022": (
        "hipe",
        "HIPE-2022-v2.1-x-dev-en.tsv",
        COARSE + "# hipe2022:document_id = a\n# hipe2022:language = en\n"
        + "".join(f"{w}\t{t}\tO\t_\t_\t{'NoSpaceAfter' if w == 'Warsaw' else '_'}\n" for w, t in PAIRS),
    ),
    "LST20": (
        "conll",
        "a.txt",
        "".join(f"{w}\tNN\t{t.replace('-', '_')}\t{'E' if w == '.' else 'B' if w == 'Marie' else 'I'}_CLS\n" for w, t in PAIRS),
    ),
}  # fmt: skip
# What published files have beyond what their formats say; in them is what is in ADA_ENTITIES.
SHAPES = {
    "a source line with an empty cell behind its date": (
        "germeval2014",
        "NER-de-dev.tsv",
        "#\thttp://example.org/a\t[2010-04-02]\t\n" + ada_rows(lambda i, w, t: (str(i), w, t, "O")),
    ),
    "a sentence mark in the first and the last cell": (
        "conll",
        "valid.txt",
        ada_rows(lambda i, w, t: (w, "Noun", t.partition("-")[2] or "O", t)).replace("\n\n", "\n<S>\t\t\t<S>\n"),
    ),
    "the annotator behind some of the tags": (
        "conll",
        "dev.iob2",
        "# sent_id = 1\n" + ada_rows(lambda i, w, t: (str(i), w, t, "-", "ann")[: 3 if i % 2 else 5]),
    ),
    "the sentence above its rows, and an inside without its label": (
        "conll",
        "ner.dev",
        "; Ada Byron wrote to Leipzig.\n$<Ada Byron:PER> wrote to <Leipzig:LOC>.\n"
        + ada_rows(lambda i, w, t: (str(i), w, "X", "I" if t[0] == "I" else t.replace("-", "_"))),
    ),
    "a label alone inside an entity": (
        "conll",
        "train.tsv",
        ada_rows(lambda i, w, t: parted(w, t)) + "London\tB-LOC\nbridge\tLOC\n",
    ),
    "zeros for O, and labels without a position": (
        "conll",
        "test_corpus.txt",
        "".join(f"{w:<12}{t.partition('-')[2] or '0'}\n" for w, t in ADA_PAIRS),
    ),
}  # fmt: skip
