"""`modelscope:owner/name` against a server of our own with ModelScope's paths."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

import pytest

from cloudner.encoders.folders import encoder_folder, local_folder, resolve_encoder, tokenizer_file
from cloudner.encoders.shape import EncoderShape
from cloudner.errors import ConfigError


class Site:
    """Models by name: file -> bytes. asked: what was fetched, in order. cut: bytes of each file that are sent."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, bytes]] = {}
        self.asked: list[str] = []
        self.cut: int | None = None
        self.spoilt = False
        self.listing: bytes | None = None

    def answer(self, path: str) -> tuple[int, bytes]:
        parts = urlparse(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if query.get("Revision") != "master":
            return 400, b""
        model, _, rest = parts.path.removeprefix("/api/v1/models/").partition("/repo")
        files = self.models.get(model)
        if files is None:
            return 404, b'{"Code": 10010205001, "Message": "not found"}'
        if rest == "/files":
            return 200, self.listing or json.dumps(
                {"Code": 200, "Data": {"Files": self._rows(files)}}
            ).encode()
        self.asked.append(query["FilePath"])
        data = files[query["FilePath"]][: self.cut]
        return 200, bytes(len(data)) if self.spoilt else data

    @staticmethod
    def _rows(files: dict[str, bytes]) -> list[dict]:
        rows = [
            {
                "Name": n.split("/")[-1],
                "Path": n,
                "Type": "blob",
                "Size": len(d),
                "Sha256": hashlib.sha256(d).hexdigest(),
            }
            for n, d in files.items()
        ]
        return [*rows, {"Name": "onnx", "Path": "onnx", "Type": "tree", "Size": 0}]


@pytest.fixture
def site(monkeypatch, tmp_path):
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("MODELSCOPE_DOMAIN", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("CLOUDNER_CACHE", str(tmp_path / "cache"))
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def tiny_model(site, bert):
    files = {path.name: path.read_bytes() for path in bert.iterdir()}
    site.models["owner/tiny-bert"] = {
        **files,
        "pytorch_model.bin": b"pickled",
        "modeling.py": b"raise SystemExit('run')",
        "onnx/config.json": b"{}",
    }
    return "modelscope:owner/tiny-bert"


def test_only_data_is_fetched_and_once(site, tiny_model, bert, tmp_path):
    from cloudner.model.network.encoder import load_pretrained

    assert local_folder(tiny_model) is None
    assert encoder_folder(tiny_model) is None, "looking downloads nothing"
    assert tokenizer_file(tiny_model) is None
    assert site.asked == []
    model, tokenizer = load_pretrained(tiny_model)
    assert sorted(site.asked) == sorted(
        p.name for p in bert.iterdir() if p.suffix in (".json", ".txt", ".safetensors")
    )
    assert model.config.hidden_size == EncoderShape.from_name(tiny_model).hidden
    assert tokenizer.words.encode(["Paris"]) == load_pretrained(str(bert))[1].words.encode(["Paris"])
    before = len(site.asked)
    folder = resolve_encoder(tiny_model)
    assert len(site.asked) == before
    assert folder.startswith(str(tmp_path / "cache" / "encoders"))
    assert tokenizer_file(tiny_model).is_file()


@pytest.mark.parametrize("fault", ["cut", "spoilt"])
def test_what_does_not_arrive_whole_leaves_nothing(site, tiny_model, tmp_path, fault):
    if fault == "cut":
        site.cut = 100
    else:
        site.spoilt = True
    with pytest.raises(ConfigError, match="did not arrive whole"):
        resolve_encoder(tiny_model)
    assert list((tmp_path / "cache" / "encoders").iterdir()) == []
    site.cut, site.spoilt = None, False
    assert encoder_folder(resolve_encoder(tiny_model)) is not None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b""}, "no model.safetensors"),
        ({"model.safetensors": b""}, "no config.json"),
    ],
)
def test_models_that_cannot_be_used(site, files, message):
    site.models["owner/other"] = files
    with pytest.raises(ConfigError, match=message):
        resolve_encoder("modelscope:owner/other")
    assert site.asked == []


@pytest.mark.parametrize(
    "listing", [b"<html>", b"{}", b'{"Data": {"Files": [{"Path": "config.json"}]}}', b"[]"]
)
def test_a_listing_that_is_none(site, tiny_model, listing):
    site.listing = listing
    with pytest.raises(ConfigError, match="list of files cannot be read"):
        resolve_encoder(tiny_model)


def test_no_such_model_and_no_such_host(site, monkeypatch):
    with pytest.raises(ConfigError, match="answers 404"):
        resolve_encoder("modelscope:owner/nothing")
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match="cannot download modelscope:owner/nothing from") as caught:
        resolve_encoder("modelscope:owner/nothing")
    assert "MODELSCOPE_DOMAIN" in caught.value.fix


@pytest.mark.parametrize(
    "name", ["modelscope:", "modelscope:bert", "modelscope:../..", "modelscope:a/b/c", "modelscope:a/b?x=1"]
)
def test_names_that_are_none(name):
    for function in (resolve_encoder, encoder_folder, tokenizer_file):
        with pytest.raises(ConfigError, match="no model of ModelScope"):
            function(name)


def test_the_file_scheme_is_no_host(monkeypatch):
    monkeypatch.setenv("MODELSCOPE_DOMAIN", "file:///etc")
    with pytest.raises(ConfigError, match="MODELSCOPE_DOMAIN"):
        resolve_encoder("modelscope:owner/name")


def test_a_plan_knows_the_sizes_by_the_name_on_the_hub_or_says_how_to_get_them():
    assert EncoderShape.from_name("modelscope:google-bert/bert-base-chinese").hidden == 768
    with pytest.raises(ConfigError, match="modelscope download --model someone/unheard-of config"):
        EncoderShape.from_name("modelscope:someone/unheard-of")
