"""Public corpora in columns, with what each of them has of its own."""

from corpus.converting import converted, entities


def words_of(docs):
    return [[token.text for token in doc] for doc in docs]


CONLL04 = """0\tPeop\t0\tO\tNNP/NNP\tJohn/Smith\tO\tO\tO
0\tO\t1\tO\tVBD\tlives\tO\tO\tO
0\tO\t2\tO\tIN\tin\tO\tO\tO
0\tLoc\t3\tO\tNNP/,/NNP\tOslo/COMMA/Norway\tO\tO\tO
0\tO\t4\tO\tCD\t1/2\tO\tO\tO

0\t3\tLive_In

1\tOrg\t0\tO\tNNP\tIBM\tO\tO\tO
1\tO\t1\tO\tVBD\tsaid\tO\tO\tO


"""


def test_the_words_of_conll04_are_not_its_parts_of_speech(tmp_path):
    report, docs = converted(tmp_path, "conll04.corp", CONLL04)
    assert report.detected[0][1] == "conll04"
    assert words_of(docs) == [["John", "Smith", "lives", "in", "Oslo", ",", "Norway", "1/2"], ["IBM", "said"]]
    assert entities(docs) == [[("John Smith", "Peop"), ("Oslo , Norway", "Loc")], [("IBM", "Org")]]
    assert report.issues == {("unsupported", "noted"): 1}


def test_parts_of_speech_before_the_words_are_no_words(tmp_path):
    content = "NNP Ann B-PER\nVBD went O\nTO to O\nNNP Oslo B-LOC\n. . O\n\nPRP He O\nVBD ran O\n"
    _, docs = converted(tmp_path, "a.txt", content)
    assert words_of(docs) == [["Ann", "went", "to", "Oslo", "."], ["He", "ran"]]


def test_words_in_capitals_before_parts_of_speech_stay_words(tmp_path):
    content = "IBM\tnnp\tB-ORG\nAND\tcc\tO\nHP\tnnp\tB-ORG\nMERGE\tvb\tO\n.\t.\tO\n\nUN\tnnp\tB-ORG\n"
    _, docs = converted(tmp_path, "a.tsv", content)
    assert words_of(docs) == [["IBM", "AND", "HP", "MERGE", "."], ["UN"]]


def test_out_is_no_entity(tmp_path):
    content = "Die\tOUT\nRegering\tB-ORG\nsê\tOUT\ndat\tOUT\nZuma\tB-PERS\n.\tOUT\n\nDit\tOUT\nreën\tOUT\n"
    report, docs = converted(tmp_path, "NCHLT AFR.txt", content, lang="af")
    assert entities(docs) == [[("Regering", "ORG"), ("Zuma", "PERS")], []]
    assert report.issues == {("unknown-tag", "noted"): 1}


def test_lines_of_hyphens_part_sentences(tmp_path):
    content = "Eesti\tS\tB-ORG\nPank\tS\tI-ORG\nütles\tV\tO\n--\nTallinn\tH\tB-LOC\n.\tZ\tO\n--\n"
    _, docs = converted(tmp_path, "estner.cnll", content, lang="et")
    assert entities(docs) == [[("Eesti Pank", "ORG"), ("Tallinn", "LOC")]]
    assert [token.text for token in docs[0] if token.is_sent_start] == ["Eesti", "Tallinn"]


def test_a_sentence_of_one_word_above_the_rows_is_no_row(tmp_path):
    content = "; 1회초.\n$<1회초:TI>.\n1\t1\tSN\tB-TI\n1\t회초\tNNG\tI\n1\t.\tSF\tO\n\n; 그렇다 .\n$그렇다.\n1\t그렇\tVA\tO\n1\t다\tEF\tO\n\n"
    _, docs = converted(tmp_path, "EXOBRAIN_NE.txt", content, lang="xx")
    assert words_of(docs) == [["1", "회초", "."], ["그렇", "다"]]
    assert entities(docs) == [[("1 회초", "TI")], []]


def test_underscores_between_thai_words_are_spaces(tmp_path):
    content = (
        "กรุงเทพ\tNN\tB_LOC\tB_CLS\nมหานคร\tNN\tE_LOC\tI_CLS\n_\tPU\tO\tI_CLS\nไป\tVV\tO\tI_CLS\nก\tNN\tB_PER\tI_CLS\n"
        "_\tPU\tI_PER\tI_CLS\nข\tNN\tE_PER\tE_CLS\n\nเขา\tPR\tO\tB_CLS\n_\tPU\tO\tE_CLS\n"
    )
    report, docs = converted(tmp_path, "T00001.txt", content, lang="xx")
    assert [doc.text.rstrip() for doc in docs] == ["กรุงเทพมหานคร ไปก ข", "เขา"]
    assert entities(docs) == [[("กรุงเทพมหานคร", "LOC"), ("ก ข", "PER")], []]
    assert not report.issues


def test_an_underscore_between_other_words_is_a_word(tmp_path):
    _, docs = converted(tmp_path, "a.tsv", "Ann\tB-PER\n_\tO\nran\tO\n\nBo\tB-PER\n")
    assert words_of(docs) == [["Ann", "_", "ran"], ["Bo"]]
    _, docs = converted(tmp_path, "b.tsv", "a\tB-PER\n_\tO\n\n서\tO\n", lang="xx")
    assert words_of(docs) == [["a", "_"], ["서"]]


def test_labels_beside_positions_in_conll_u_rows(tmp_path):
    rows = [("Anna", "B", "person"), ("Lind", "I", "person"), ("i", "O", "_"), ("Malmö", "B", "place")]
    content = "".join(
        f"{i}\t{word}\t_\tX\tX\t_\t_\t_\t_\t_\t{tag}\t{label}\taa01\n"
        for i, (word, tag, label) in enumerate(rows, 1)
    )
    _, docs = converted(tmp_path, "suc.conll", content + "\n", lang="sv")
    assert entities(docs) == [[("Anna Lind", "person"), ("Malmö", "place")]]
