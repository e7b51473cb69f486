"""Data sets of the `datasets` library itself: rows in memory, streaming, saved, Arrow, Parquet, CSV."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import fsspec
import pytest
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from cloudner.corpus.convert.convert import convert
from cloudner.errors import ConfigError, InputError

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")
NAMES = ["O", "B-PER", "I-PER", "B-LOC"]
ROWS = {
    "id": ["a", "b"],
    "tokens": [["Ada", "Lovelace", "left", "London"], ["Nobody", "came"]],
    "ner_tags": [[1, 2, 0, 3], [0, -100]],
}


@pytest.fixture(scope="module")
def data():
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=NAMES)),
        }
    )
    return datasets.Dataset.from_dict(ROWS, features=features)


def converted(source, folder, **settings):
    report = convert(source, folder / "out.spacy", **settings)
    docs = list(DocBin().from_disk(folder / "out.spacy").get_docs(Vocab()))
    assert report.docs == len(docs)
    return docs


def check(docs):
    first, second = docs
    assert [(ent.text, ent.label_) for ent in first.ents] == [("Ada Lovelace", "PER"), ("London", "LOC")]
    assert [token.ent_iob_ for token in second] == ["O", ""]  # -100 is missing, not O
    assert [doc.user_data["meta"]["id"] for doc in docs] == ["a", "b"]


def test_in_memory(data, tmp_path):
    check(converted(data, tmp_path))
    check(converted(data.with_format("numpy"), tmp_path))


def test_streaming(data, tmp_path):
    data.to_parquet(tmp_path / "a.parquet")
    stream = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "a.parquet"), split="train", streaming=True
    )
    assert isinstance(stream, datasets.IterableDataset)
    check(converted(stream, tmp_path))
    check(converted(stream.shuffle(seed=0, buffer_size=1).skip(0).take(2), tmp_path))
    check(converted(data.to_iterable_dataset(num_shards=2), tmp_path))


def test_streaming_whose_features_are_not_known(data, tmp_path):
    """`map` forgets them; the names are given then."""
    stream = data.to_iterable_dataset().map(lambda row: row)
    assert stream.features is None
    check(converted(stream, tmp_path, labels=NAMES))


def test_saved_and_loaded_again(data, tmp_path):
    data.save_to_disk(tmp_path / "saved")
    check(converted(tmp_path / "saved", tmp_path))
    check(converted(datasets.load_from_disk(tmp_path / "saved"), tmp_path))
    check(converted(next((tmp_path / "saved").glob("*.arrow")), tmp_path))


def test_a_saved_dictionary_of_splits(data, tmp_path):
    both = datasets.DatasetDict({"train": data, "test": data})
    with pytest.raises(ConfigError, match=r"convert\(dataset\['train'\]"):
        convert(both, tmp_path / "out.spacy")
    both.save_to_disk(tmp_path / "both")
    check(converted(tmp_path / "both" / "train", tmp_path))
    assert len(converted(tmp_path / "both", tmp_path)) == 4


def test_parquet_and_json_files(data, tmp_path):
    data.to_parquet(tmp_path / "a.parquet")
    check(converted(tmp_path / "a.parquet", tmp_path))
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    check(converted(tmp_path / "a.parquet.gz", tmp_path))
    # JSON lines have no room for the names
    data.to_json(tmp_path / "a.jsonl")
    check(converted(tmp_path / "a.jsonl", tmp_path, labels={str(i): name for i, name in enumerate(NAMES)}))


def test_rows_of_texts_and_spans(tmp_path):
    rows = {"text": ["I saw Ada", "No one"], "entities": [[{"start": 6, "end": 9, "label": "PER"}], []]}
    first, second = converted(datasets.Dataset.from_dict(rows), tmp_path)
    assert [(ent.text, ent.label_) for ent in first.ents] == [("Ada", "PER")]
    assert not second.ents


def test_what_we_write_is_a_data_set(data, tmp_path):
    converted(data, tmp_path)
    convert(tmp_path / "out.spacy", tmp_path / "back.parquet")
    back = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "back.parquet"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert back["tokens"][:] == ROWS["tokens"]
    assert back["ner_tags"][:] == [["B-PER", "I-PER", "O", "B-LOC"], ["O", None]]


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's web interface as reading one file of a data set needs; `content` is that file."""

    content = b""
    path_in_repo = "data/train-00000.parquet"

    def log_message(self, *arguments):
        pass

    def _answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, value):
        self._answer(json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def _entry(self):
        return {"type": "file", "path": self.path_in_repo, "size": len(self.content), "oid": "0" * 40}

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if "/resolve/" in path:
            first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            part = self.content[int(first) : int(last) + 1 if last else None]
            self._answer(part, 206, ETag='"x"', **{"X-Repo-Commit": "0" * 40})
        elif "/tree/" in path:
            whole = path.rstrip("/").endswith(("main", "data")) or "recursive=true" in self.path.lower()
            folder = {"type": "directory", "path": "data", "size": 0, "oid": "0" * 40}
            top = path.rstrip("/").endswith("main") and "recursive=true" not in self.path.lower()
            self._json([folder] if top else [self._entry()] if whole else [])
        elif path.startswith("/api/datasets/someone/ner"):
            self._json({"id": "someone/ner", "sha": "0" * 40, "siblings": []})
        else:
            self._answer(b"", 404, **{"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        body = [self._entry()] if self.path_in_repo in str(asked) else []
        if "data" in asked.get("paths", []):
            body = [{"type": "directory", "path": "data", "size": 0, "oid": "0" * 40}]
        self._json(body)


def _forget_connections():
    from huggingface_hub.utils import _http

    fsspec.get_filesystem_class("hf").clear_instance_cache()
    for name in ("reset_sessions", "close_session"):  # before and from version 1.0 on
        getattr(_http, name, lambda: None)()


@pytest.fixture
def hub(data, tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    data.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(Hub, "content", (tmp_path / "a.parquet").read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setitem(fsspec.config.conf, "hf", {"endpoint": f"http://127.0.0.1:{server.server_port}"})
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    _forget_connections()
    yield
    _forget_connections()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("path", ["/data/train-00000.parquet", "/data/*.parquet", ""])
def test_hub_addresses(hub, path, tmp_path):
    """huggingface_hub's own file system against a local server: a file, a pattern and a whole data set."""
    check(converted("hf://datasets/someone/ner" + path, tmp_path))


def test_a_data_set_that_is_not_on_the_hub(hub, tmp_path):
    with pytest.raises(InputError, match=r"hf://datasets/nobody/nothing.*(there is no such file|cannot be)"):
        convert("hf://datasets/nobody/nothing/a.parquet", tmp_path / "out.spacy")
