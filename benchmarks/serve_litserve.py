"""A tagger behind LitServe, in batches, for `benchmarks.serve_peers`: a module of its own, since LitServe's processes are
spawned and have to find the class again."""

from __future__ import annotations

from typing import Any

import litserve

from benchmarks.serve_tagger import plain, tagger


class Tagging(litserve.LitAPI):
    """encoder: a folder."""

    def __init__(self, encoder: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.encoder = encoder

    def setup(self, device: str) -> None:
        self.tag = tagger(self.encoder)

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def predict(self, texts: list[str]) -> list[Any]:
        return self.tag(texts, batch_size=len(texts))

    def encode_response(self, output: Any) -> dict[str, Any]:
        return plain(output)


def serve(encoder: str, port: int) -> None:
    api = Tagging(encoder, max_batch_size=32, batch_timeout=0.005, api_path="/v1/entities")
    litserve.LitServer(api, accelerator="cpu").run(port=port, host="127.0.0.1", generate_client_file=False)
