"""Samples of the family text and of one-token-per-line files, small and typical; content, and the entities in it."""

from corpus.samples.words import PAIRS, TAGS, WORDS

CONLLU = """# newdoc id = weblog-1
# sent_id = 1
# text = Ann Lee no va al Prado.
1	Ann	Ann	PROPN	_	_	3	nsubj	_	NE=B-PER
2	Lee	Lee	PROPN	_	_	1	flat	_	NE=I-PER
3	no	no	ADV	_	_	4	advmod	_	NE=O
4	va	ir	VERB	_	_	0	root	_	NE=O
5-6	al	_	_	_	_	_	_	_	_
5	a	a	ADP	_	_	7	case	_	NE=O
6	el	el	DET	_	_	7	det	_	NE=O
6.1	_	_	_	_	_	_	_	_	_
7	Prado	Prado	PROPN	_	_	4	obl	_	SpaceAfter=No|NE=B-LOC
8	.	.	PUNCT	_	_	4	punct	_	NE=O

"""
CONLL2012 = """#begin document (bc/cctv/00/cctv_0000); part 000
bc/cctv/00/cctv_0000   0   0        In    IN   (TOP(S(PP*   -   -   -   Speaker#1        *   (ARGM-LOC*        -
bc/cctv/00/cctv_0000   0   1      Hong   NNP      (NP*      -   -   -   Speaker#1     (GPE*             *      (23
bc/cctv/00/cctv_0000   0   2      Kong   NNP        *))     -   -   -   Speaker#1        *)            *)      23)
bc/cctv/00/cctv_0000   0   3         ,     ,         *      -   -   -   Speaker#1        *             *         -
bc/cctv/00/cctv_0000   0   4     Wang   NNP      (NP*)     -   -   -   Speaker#1  (PERSON)          (ARG1*)      -
bc/cctv/00/cctv_0000   0   5    spoke   VBD     (VP*))     say  01   1   Speaker#1        *            (V*)      -

#end document
"""
GERMEVAL = """#\thttp://de.wikipedia.org/wiki/Berlin [2009-10-17]
1\tDie\tO\tO
2\tUniversität\tB-ORG\tO
3\tBerlin\tI-ORG\tB-LOC
4\twuchs\tO\tO

#\thttp://de.wikipedia.org/wiki/Bonn [2009-10-17]
1\tBonn\tB-LOC\tO
2\tauch\tO\tO
"""
WEBANNO = (
    "#FORMAT=WebAnno TSV 3.2\n#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"
    "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n\n\n"
    "#Text=😀 Ann Lee left New York-based Acme.\n"
    "1-1\t0-2\t😀\tSYM\t_\t_\t\n1-2\t3-6\tAnn\tNNP\t*[1]\tPER[1]\t\n1-3\t7-10\tLee\tNNP\t*[1]\tPER[1]\t\n"
    "1-4\t11-15\tleft\tVBD\t_\t_\t\n1-5\t16-19\tNew\tNNP\t*[2]\tLOC[2]\t\n"
    "1-6\t20-30\tYork-based\tJJ\t_\t_\t\n1-6.1\t20-24\tYork\t_\t*[2]\tLOC[2]\t\n"
    "1-7\t31-35\tAcme\tNNP\t*|*\tORG|LOC\\_X\t\n1-8\t35-36\t.\t.\t_\t_\t\n\n"
    "#Text=Bye.\n2-1\t37-40\tBye\tUH\t_\t_\t\n2-2\t40-41\t.\t.\t_\t_\t\n"
)
PUBTATOR = """10192393|t|A common mutation in the BRCA1 gene
10192393|a|We found that breast cancer was rare.
10192393\t25\t30\tBRCA1\tGene\t672
10192393\t50\t63\tbreast cancer\tDisease\tD001943
10192393\tGDA\t672\tD001943

9|t|Aspirin
9|a|
9\t0\t7\tAspirin\tChemical\tD001241
"""
OPENNLP = """<START:person> Pierre Vinken <END> , 61 years old , will join <START:organization> Elsevier <END> .
Mr . <START:person>Vinken<END>, again.
"""
INLINE_XML = """<PERSON>Ann Lee</PERSON> works at <ORGANIZATION>Smith &amp; Sons</ORGANIZATION> & likes 3 < 4.
Nothing here.
"""
MUC_XML = """<?xml version="1.0" encoding="ISO-8859-1"?>
<corpus>
  <doc id="d1"><title>Report</title>
    <p><ENAMEX TYPE="PERSON">Ann Lee</ENAMEX> left <ENAMEX TYPE="LOCATION">Oslo</ENAMEX>.</p>
    <p>She was at <ENAMEX TYPE="ORGANIZATION">University of <ENAMEX TYPE="LOCATION">Rome</ENAMEX></ENAMEX>.</p>
  </doc>
  <doc id="d2"><p>Nobody came.</p></doc>
</corpus>
"""
GATE = """<?xml version='1.0' encoding='UTF-8'?>
<GateDocument version="3">
<GateDocumentFeatures/>
<TextWithNodes><Node id="0"/>Ann Lee<Node id="7"/> &amp; Bob left <Node id="18"/>Oslo<Node id="22"/>.</TextWithNodes>
<AnnotationSet>
<Annotation Id="1" Type="Token" StartNode="0" EndNode="7"/>
<Annotation Id="2" Type="Person" StartNode="0" EndNode="7"><Feature><Name>x</Name><Value>y</Value></Feature></Annotation>
<Annotation Id="3" Type="Location" StartNode="18" EndNode="22"/>
</AnnotationSet>
<AnnotationSet Name="Original markups"><Annotation Id="9" Type="body" StartNode="0" EndNode="22"/></AnnotationSet>
</GateDocument>
"""
I2B2 = """<?xml version="1.0" encoding="UTF-8" ?>
<deIdi2b2>
<TEXT><![CDATA[Record date: 2067-05-03

Dr. Ann Lee saw him & left.
]]></TEXT>
<TAGS>
<DATE id="P0" start="13" end="23" text="2067-05-03" TYPE="DATE" comment="" />
<NAME id="P1" start="29" end="36" text="Ann Lee" TYPE="DOCTOR" comment="" />
<RISK id="R1" indicator="mention" />
</TAGS>
</deIdi2b2>
"""
RASA = """version: "3.1"
nlu:
- intent: book_flight
  examples: |
    - fly to [New York](city)
    - from [here]{"entity": "place", "role": "from"} to [Oslo](city:OSL)
- synonym: OSL
  examples: |
    - Oslo
- intent: greet
  examples: |
    - hello [Ann](person)
"""
RASA_MD = """## intent:book_flight
- fly to [New York](city)
- from [here](place) to [Oslo](city:OSL)

## synonym:OSL
- Oslo

## intent:greet
- hello [Ann](person)
"""
MARKUP = """## prizes | train
[Marie Curie](PER) won it twice.
She worked in [Paris](LOC), see [1] and [the page](https://example.org/a).

## nothing | dev
No names here.
"""
STANFORD = "Ann\tPERSON\nLee\tPERSON\nleft\tO\nOslo\tLOCATION\n.\tO\n\nBye\tO\n.\tO\n"
IOB_LINES = "Ann|NNP|B-PER Lee|NNP|I-PER left|VBD|O Oslo|NNP|B-LOC .|.|O\nBye|UH|O .|.|O\n"
CONLL = "Ann NNP B-NP B-PER\nLee NNP I-NP I-PER\nleft VBD B-VP O\nOslo NNP B-NP B-LOC\n. . O O\n\nBye UH O O\n. . O O\n"
UNIVERSAL_NER = "# sent_id = n01001\n# text = Ann left Oslo.\n1\tAnn\tB-PER\t-\tann\n2\tleft\tO\t-\tann\n3\tOslo\tB-LOC\t-\tann\n4\t.\tO\t-\tann\n"
CHARACTERS = "".join(
    f"{c} {t}\n"
    for c, t in zip(
        "王小明在北京工作", ["B-PER", "I-PER", "I-PER", "O", "B-LOC", "I-LOC", "O", "O"], strict=True
    )
)
WIKIANN = "en:Ann\tB-PER\nen:left\tO\nen:Oslo\tB-LOC\nen:.\tO\n\nen:Bye\tO\nen:.\tO\n"
BRAT_TXT = "Ann Lee left\nOslo Town and Rome.\n"
BRAT_ANN = (
    "T1\tPER 0 7\tAnn Lee\nT2\tLOC 13 17;18 22\tOslo Town\nT3\tLOC 27 31\tRome\n"
    "R1\tMoved Arg1:T1 Arg2:T2\nA1\tSure T1\n#1\tAnnotatorNotes T1\twho?\n*\tEquiv T2 T3\nE1\tMove:T1 To:T2\n"
)

# format name -> (file name, content, entities as (surface, label) in order of place)
SAMPLES = {
    "conllu": ("es.conllu", CONLLU, [("Ann Lee", "PER"), ("Prado", "LOC")]),
    "conll04": (
        "conll04.corp",
        "0\tPeop\t0\tO\tNNP/NNP\tAnn/Lee\tO\tO\tO\n0\tO\t1\tO\tVBD\tleft\tO\tO\tO\n0\tLoc\t2\tO\tNNP\tOslo\tO\tO\tO\n"
        "\n0\t2\tLive_In\n\n1\tO\t0\tO\tUH\tBye\tO\tO\tO\n\n\n",
        [("Ann Lee", "Peop"), ("Oslo", "Loc")],
    ),
    "conll2012": ("cctv.gold_conll", CONLL2012, [("Hong Kong", "GPE"), ("Wang", "PERSON")]),
    "germeval2014": (
        "NER-de.tsv",
        GERMEVAL,
        [("Universität Berlin", "ORG"), ("Berlin", "LOC"), ("Bonn", "LOC")],
    ),
    "webanno": (
        "w.tsv",
        WEBANNO,
        [("Ann Lee", "PER"), ("New York", "LOC"), ("Acme", "LOC_X"), ("Acme", "ORG")],
    ),
    "pubtator": (
        "p.txt",
        PUBTATOR,
        [("BRCA1", "Gene"), ("breast cancer", "Disease"), ("Aspirin", "Chemical")],
    ),
    "opennlp": (
        "o.train",
        OPENNLP,
        [("Pierre Vinken", "person"), ("Elsevier", "organization"), ("Vinken", "person")],
    ),
    "inline-xml": ("x.txt", INLINE_XML, [("Ann Lee", "PERSON"), ("Smith & Sons", "ORGANIZATION")]),
    "gate": ("g.xml", GATE, [("Ann Lee", "Person"), ("Oslo", "Location")]),
    "i2b2": ("110-01.xml", I2B2, [("2067-05-03", "DATE"), ("Ann Lee", "DOCTOR")]),
    "rasa": ("nlu.yml", RASA, [("New York", "city"), ("here", "place"), ("Oslo", "city"), ("Ann", "person")]),
    "markup": ("m.md", MARKUP, [("Marie Curie", "PER"), ("Paris", "LOC")]),
    "stanford": ("s.tsv", STANFORD, [("Ann Lee", "PERSON"), ("Oslo", "LOCATION")]),
    "conll": ("c.conll", CONLL, [("Ann Lee", "PER"), ("Oslo", "LOC")]),
}
# further faces of the same formats
VARIANTS = [
    (
        "inline-xml",
        "muc.sgml",
        MUC_XML,
        [
            ("Ann Lee", "PERSON"),
            ("Oslo", "LOCATION"),
            ("University of Rome", "ORGANIZATION"),
            ("Rome", "LOCATION"),
        ],
    ),
    ("rasa", "nlu.md", RASA_MD, SAMPLES["rasa"][2]),
    ("conll", "en_pud-ud-test.iob2", UNIVERSAL_NER, [("Ann", "PER"), ("Oslo", "LOC")]),
    ("conll", "msra.txt", CHARACTERS, [("王小明", "PER"), ("北京", "LOC")]),
    ("conll", "wikiann-en.bio", WIKIANN, [("Ann", "PER"), ("Oslo", "LOC")]),
]

# What is in SPANS of `words`.
CASES = {
    "slashes behind entities mostly": (
        "slash-tags",
        "a.txt",
        "Marie/B-PER Curie/I-PER Warsaw/B-LOC\n",
    ),
    "word/TAG": ("slash-tags", "a.txt", " ".join(f"{w}/{t.split('-')[-1]}" for w, t in PAIRS) + "\n"),
    "words, tab, tags": ("slash-tags", "train.tsv", " ".join(WORDS) + "\t" + " ".join(TAGS) + "\n"),
    "a word for O": ("stanford", "a.tsv", "".join(f"{w}\t{t.split('-')[-1]}\n" for w, t in PAIRS)),
    "chunk trees": ("chunk-trees", "a.txt", "(S (PER Marie/NNP Curie/NNP) was/VBD born/VBN in/IN (LOC Warsaw/NNP) ./.)\n"),
    "double braces": ("braces", "a.txt", "{{PER:Marie Curie}} was born in {{LOC: Warsaw }}.\n"),
}  # fmt: skip
