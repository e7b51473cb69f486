"""An S3 server on this machine: listed, planned, written by processes of their own in one upload a piece."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cloudner
from bulk import jobs
from cloudner.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("pyarrow", reason="needs the extra cloudner[parquet]")
    s3fs = pytest.importorskip("s3fs", reason="needs the extra cloudner[cloud]")
    server = pytest.importorskip("moto.server", reason="needs moto[server]").ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ):
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    store = s3fs.S3FileSystem()
    store.mkdir("texts")
    yield store
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


def test_from_a_bucket_to_a_bucket(bucket: Any, trained_folder: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    for number in range(2):
        rows = jobs.numbered(50, 50 * number)
        path = jobs.write_parquet(
            tmp_path / "a.parquet", {name: [row[name] for row in rows] for name in rows[0]}
        )
        bucket.put_file(str(path), f"texts/in/{number}.parquet")
    options: dict[str, Any] = {
        "model": trained_folder, "id_column": "key", "columns": ["n"], "rows_per_piece": 20, "device": "cpu", "log": False,
    }  # fmt: skip
    done = cloudner.annotate("s3://texts/in/*.parquet", "s3://texts/out", workers=2, **options)
    assert (done.rows, done.pieces, done.complete) == (100, 6, True)
    found: list[dict[str, Any]] = []
    for name in sorted(bucket.glob("texts/out/part-*")):
        with bucket.open(name) as file:
            found += pq.read_table(file).to_pylist()
    assert [row["id"] for row in found] == [f"k{i}" for i in range(100)]
    assert [jobs.spans(row) for row in found[:4]] == jobs.KNOWN
    bucket.rm_file("texts/out/part-00003.parquet")
    assert cloudner.annotate("s3://texts/in/*.parquet", "s3://texts/out", workers=1, **options).before == 5
    bucket.put_file(str(path), "texts/in/0.parquet")
    with pytest.raises(InputError, match=r"0\.parquet has changed"):
        cloudner.annotate("s3://texts/in/*.parquet", "s3://texts/out", workers=1, **options)
