"""The config that a corpus is read with is the one that its trainings have."""

from __future__ import annotations

import spacy
from thinc.api import Config

from cloudner.folds.documents import corpus_digest, read_config, read_corpus
from cloudner.training.resolution import resolve
from training import runs


def test_documents_are_split_into_the_pieces_of_the_encoder_that_is_asked_for(bert, tmp_path):
    config = Config().from_disk(runs.CONFIGS / "cpu.cfg", interpolate=False)
    config["nlp"]["tokenizer"] = {"@tokenizers": "cloudner.EncoderPieces.v1", "encoder": "elsewhere"}
    config.to_disk(tmp_path / "pieces.cfg")
    runs.write_corpus(tmp_path / "corpus")
    paths = {f"paths.{name}": str(tmp_path / f"corpus/{name}.spacy") for name in ("train", "dev")}
    plain = read_config(tmp_path / "pieces.cfg", paths, str(bert))
    asked = resolve(
        tmp_path / "pieces.cfg", gpu_id=-1, overrides=paths, encoder=str(bert)
    ).config.interpolate()
    assert plain["nlp"] == asked["nlp"]
    assert plain["nlp"]["tokenizer"]["encoder"] == str(bert)
    (tmp_path / "a.jsonl").write_text('{"text": "Ada is in Oslo", "entities": [[0, 3, "PER"]]}\n', "utf8")
    corpus = read_corpus(tmp_path / "a.jsonl", plain)
    assert type(corpus.nlp.tokenizer).__name__ == "EncoderPieces"


def test_groups_are_part_of_what_folds_are_made_of():
    nlp = spacy.blank("en")

    def digest(*groups: str | None) -> str:
        docs = [nlp.make_doc("Ada is in Oslo") for _ in groups]
        for doc, group in zip(docs, groups, strict=True):
            doc.user_data["meta"] = {"id": "1"} | ({} if group is None else {"group": group})
        return corpus_digest(docs)

    assert digest("a", "a") == digest("a", "a")
    assert len({digest("a", "a"), digest("a", "b"), digest(None, None)}) == 3
