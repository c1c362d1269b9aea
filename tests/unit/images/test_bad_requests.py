"""What every built-in algorithm answers to a request that it cannot use: an answer, or a refusal by a status of 4xx."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import numpy as np
import pytest

from potager.images.algorithm.recordio import encode
from potager.images.ipinsights import serve, train
from potager.images.python import errors
from tests.unit.images.jobs import Job
from tests.unit.images.tables import IMAGES, Image

IPINSIGHTS = Image("ipinsights", {"num_entity_vectors": "9", "vector_dim": "4", "epochs": "1"})


@pytest.fixture(scope="module", params=(*IMAGES, IPINSIGHTS), ids=lambda image: image.name)
def trained(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Image, Job]:
    """An image and a job of it that has left a model."""
    image, folder = request.param, tmp_path_factory.mktemp("job")

    class Silent:
        @staticmethod
        def readouterr() -> Any:
            return type("Said", (), {"out": ""})

    silent: Any = Silent()
    job = Job(train.main, serve.load, folder / "ml", silent) if image is IPINSIGHTS else image.job(folder, silent)
    rows = "u,10.0.0.1\nv,10.0.0.2\n" * 9 if image is IPINSIGHTS else image.rows()
    return image, job.channel("train", rows).run(**image.given)


def good(image: Image) -> dict[str, bytes]:
    """A request of each kind."""
    row: list[Any] = ["u", "10.0.0.1"] if image is IPINSIGHTS else [0.5, 1.5]
    table = io.BytesIO()
    np.save(table, np.array([[0.5, 1.5]]))
    return {
        "text/csv": ",".join(map(str, row)).encode(),
        "application/json": json.dumps({"instances": [{"features": row}]}).encode(),
        "application/jsonlines": json.dumps({"features": row}).encode(),
        "application/x-recordio-protobuf": encode({"values": np.array([[0.5, 1.5]])}, {}),
        "application/x-npy": table.getvalue(),
        "text/libsvm": b"0:0.5 1:1.5",
    }


BODIES = (
    ("text/csv", b""),
    ("text/csv", b"\n\n"),
    ("text/csv", b"1"),
    ("text/csv", b"1,2,3,4,5"),
    ("text/csv", b"1,red"),
    ("text/csv", b"1,inf"),
    ("text/csv", b"1,1e400"),
    ("text/csv", b"1,2\n3"),
    ("text/csv", b'"1,2'),
    ("text/csv", b"\xff\xfe1\x00,\x002\x00"),
    ("text/csv", b"\x00,\x00"),
    ("text/csv", b"1," + b"9" * 5000),
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"null"),
    ("application/json", b"[]"),
    ("application/json", b'{"instances": {}}'),
    ("application/json", b'{"instances": []}'),
    ("application/json", b'{"instances": [null]}'),
    ("application/json", b'{"instances": [[]]}'),
    ("application/json", b'{"instances": [{"features": null}]}'),
    ("application/json", b'{"instances": [{"features": {"values": 3}}]}'),
    ("application/json", b'{"instances": [{"features": [[1, 2], 3]}]}'),
    ("application/json", b'{"instances": [{"features": ["a", {}]}]}'),
    ("application/json", b'{"instances": [{"features": [1, true]}]}'),
    ("application/json", b'{"instances": [{"features": [1, Infinity]}]}'),
    ("application/json", b'{"instances": [{"features": [1, ' + b"9" * 4000 + b"]}]}"),
    ("application/json", b'{"instances": [{"features": [1, ' + b"9" * 5000 + b"]}]}"),
    ("application/json", b"[" * 100_000),
    ("application/json", b'{"instances": [{"data": {"features": {"keys": [0, -1], "values": [1, 2]}}}]}'),
    ("application/json", b'{"instances": [{"data": {"features": {"keys": [0], "shape": [2], "values": [1, 2]}}}]}'),
    ("application/json", b'{"instances": [{"data": {"features": {"keys": [1e30], "values": [1]}}}]}'),
    ("application/json", b'{"instances": [{"data": {"features": {"keys": "a", "values": [1]}}}]}'),
    ("application/jsonlines", b'{"features": [1, 2]}\n{"features"'),
    ("application/jsonlines", b"[" * 100_000),
    ("application/x-recordio-protobuf", b""),
    ("application/x-recordio-protobuf", b"\x0a\x23\xd7\xce\xff\xff\xff\x1f"),
    ("application/x-recordio-protobuf", b"\x0a\x23\xd7\xce\x04\x00\x00\x00\xff\xff\xff\xff"),
    ("application/x-npy", b""),
    ("application/x-npy", b"\x93NUMPY"),
    ("application/x-npy", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
    ("application/x-npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999,), }"),
    ("application/x-parquet", b"PAR1PAR1"),
    ("text/libsvm", b"99999999999999999999:1"),
    ("text/libsvm", b"0:1 0:2 -5:1"),
    ("text/libsvm", b"a:b"),
    ("image/png", b"1,2"),
    ("", b""),
    ("text/csv; label_size=9; charset=utf-9", b"1,2"),
)


@pytest.mark.parametrize(("kind", "body"), BODIES, ids=lambda one: repr(one)[:60])
def test_a_bad_request_is_the_clients_mistake(trained: tuple[Image, Job], kind: str, body: bytes) -> None:
    predictor = trained[1].predictor
    told = asked(predictor, body, kind)
    assert told is None or b"NaN" not in told


@pytest.mark.parametrize("accept", ["image/png", "nonsense", ";;", "application/json;verbose=maybe", "*/*;q=x"])
def test_an_answer_that_there_is_not_is_refused(trained: tuple[Image, Job], accept: str) -> None:
    asked(trained[1].predictor, good(trained[0])["text/csv"], "text/csv", accept)


def test_whatever_bytes_come_are_answered_or_refused(trained: tuple[Image, Job]) -> None:
    predictor, drawn = trained[1].predictor, random.Random(trained[0].name)
    for kind, whole in good(trained[0]).items():
        asked(predictor, whole, kind)
        for _ in range(150):
            asked(predictor, mutated(drawn, whole), kind)
            asked(predictor, drawn.randbytes(drawn.randint(0, 60)), kind)


def asked(predictor: Any, body: bytes, kind: str, accept: str = "application/json") -> bytes | None:
    """The answer, None where it was refused as a client's mistake is."""
    try:
        answer, _ = predictor.predict(body, kind, accept)
    except (ValueError, errors.Refused) as refused:
        status = getattr(refused, "status", None)
        assert isinstance(status, int), f"{type(refused).__name__} {refused}, of {body[:80]!r} as {kind}"
        assert 400 <= status < 500
        assert str(refused)
        return None
    return answer if isinstance(answer, bytes) else answer.encode()


def mutated(drawn: random.Random, whole: bytes) -> bytes:
    changed = bytearray(whole)
    for _ in range(drawn.randint(1, 4)):
        at, end = sorted(drawn.randint(0, len(changed)) for _ in range(2))
        match drawn.randint(0, 3):
            case 0 if changed:
                changed[at : at + 1] = bytes([drawn.randint(0, 255)])
            case 1:
                del changed[at : min(end, at + 8)]
            case 2:
                changed[at:at] = changed[at:end]
            case _:
                changed[at:end] = drawn.choice((b"", b"\x00", b"\xff", b"9" * 30, b"-1", b"1e400", b"NaN", b"[", b","))
    return bytes(changed)
