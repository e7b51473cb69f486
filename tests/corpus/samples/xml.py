"""Samples of the formats of the family xml: XML. Name of the format, file name, content."""

from corpus.samples.words import TOKENS

# What is in SPANS of `words`.
CASES = {
    "CoreNLP's XML": (
        "corenlp-xml",
        "a.xml",
        '<root><document><sentences><sentence id="1"><tokens>'
        + "".join(
            f'<token id="{i}"><word>{t["text"]}</word><CharacterOffsetBegin>{t["start"]}</CharacterOffsetBegin>'
            f"<CharacterOffsetEnd>{t['end']}</CharacterOffsetEnd><NER>{t['bare']}</NER></token>"
            for i, t in enumerate(TOKENS, 1)
        )
        + "</tokens></sentence></sentences></document></root>",
    ),
    "displaCy, minified": (
        "displacy",
        "a.html",
        '<!DOCTYPE html><html lang="en"><head><title>displaCy</title></head><body><figure style="margin-bottom: 6rem">'
        '<div class="entities" style="line-height: 2.5; direction: ltr"><mark class="entity" style="background: #ddd">Marie Curie'
        '<span style="font-size: 0.8em">PER</span></mark> was born in <mark class="entity" style="background: #ddd">Warsaw'
        '<span style="font-size: 0.8em">LOC</span></mark>.</div></figure></body></html>',
    ),
    "an element a word": (
        "xml-words",
        "a.xml",
        '<TEI><text><s><name type="PER"><w>Marie</w> <w>Curie</w></name> <w>was</w> <w>born</w> <w>in</w> '
        '<name type="LOC"><w join="right">Warsaw</w></name><pc>.</pc></s></text></TEI>',
    ),
    "DDI": (
        "ddi",
        "a.xml",
        '<document id="d"><sentence id="s" text="Marie Curie was born in Warsaw."><entity id="e0" charOffset="0-10" type="PER" '
        'text="Marie Curie"/><entity id="e1" charOffset="24-29" type="LOC" text="Warsaw"/></sentence></document>',
    ),
    "SemEval's aspects": (
        "semeval-absa",
        "a.xml",
        '<sentences><sentence id="1"><text>Marie Curie was born in Warsaw.</text><aspectTerms><aspectTerm term="Marie Curie" '
        'polarity="PER" from="0" to="11"/><aspectTerm term="Warsaw" polarity="LOC" from="24" to="30"/></aspectTerms>'
        "</sentence></sentences>",
    ),
    "BioC": (
        "bioc",
        "a.xml",
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE collection SYSTEM "BioC.dtd">\n<collection>'
        "<source>x</source><date/><key/><document><id>1</id><passage><offset>0</offset><text>Marie Curie was</text>"
        '<annotation id="1"><infon key="type">PER</infon><location offset="0" length="11"/><text>Marie Curie</text>'
        "</annotation></passage><passage><offset>16</offset><text>born in Warsaw.</text>"
        '<annotation id="2"><infon key="type">LOC</infon><location offset="24" length="6"/></annotation></passage>'
        "</document></collection>",
    ),
}  # fmt: skip
# What published files have beyond what their formats say; in them is what is in ADA_ENTITIES.
SHAPES = {
    "a number behind each sentence": (
        "inline-xml",
        "training_data.txt",
        '<ENAMEX TYPE="PER">Ada Byron</ENAMEX> wrote to <ENAMEX TYPE="LOC">Leipzig</ENAMEX>.\t1693\n'
        "She wrote on.\t1694\n",
    ),
    "several roots, and an element that only divides": (
        "inline-xml",
        "golden.txt",
        '<DOC>\n<TEXT>\n<ALT><PER KIND="X">Ada Byron</PER> wrote</ALT> to friends.\n</TEXT>\n</DOC>\n'
        '<DOC>\n<TEXT>\nLetters to <LOC KIND="Y">Leipzig</LOC> were few.\n</TEXT>\n</DOC>\n',
    ),
}  # fmt: skip
