"""Clients that write to a server while it is killed, and know what it owes them.

Each worker has keys of its own, so that it knows the order of its writes. A write that was acknowledged is what its key
holds; one that was not leaves two possibilities, the old and the new, and the next look at the key must find one of
them, whole, and from then on no other. Some keys are everybody's: those hold what somebody wrote, whole. In a
bucket that keeps versions each acknowledged write and deletion is there as a version, in their order.
"""

from __future__ import annotations

import base64
import hashlib
import random
import threading
import zlib
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from tests.faults.store.client import Answer, Broken, Client

BUCKET, LAYERED = "crowd", "layered"
PART = 5 * 2**20
SIZES = (0, 1, 1000, 1000, 70_000, 300_000, 2**20 + 1, 2_500_000)
KEYS = 12
"""Of each worker."""
SHARED = 4
_LARGE = random.Random(0).randbytes(PART)

Digest = str | None
"""The MD5 of what a key holds; None when it is not there."""


class Gate:
    """Lets workers through while the server is up, and counts what it acknowledged."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.life = 0
        self.acknowledged = 0
        self.total = 0
        self.over = False
        self.faults: list[str] = []
        self._open = False

    def open(self) -> None:
        with self.changed:
            self.life += 1
            self.acknowledged = 0
            self._open = True
            self.changed.notify_all()

    def shut(self) -> None:
        with self.changed:
            self._open = False

    def finish(self) -> None:
        """Has the workers end."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def count(self) -> None:
        with self.changed:
            self.acknowledged += 1
            self.total += 1
            self.changed.notify_all()

    def wait(self, life: int) -> int:
        """The life of a server that came up after that one, once it is up; as it is when all is over."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or (self._open and self.life > life))
            return self.life

    def until(self, number: int, ended: Callable[[], bool]) -> None:
        """Returns once so much is acknowledged in this life, or it ended, or a worker complains."""
        with self.changed:
            while self.acknowledged < number and not ended() and not self.faults:
                self.changed.wait(0.005)


class Shared:
    """What was written to the keys that are everybody's."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tried: dict[str, set[str]] = {}
        self.acknowledged: dict[str, list[str]] = {}

    def trying(self, key: str, digest: str) -> None:
        with self.lock:
            self.tried.setdefault(key, set()).add(digest)

    def done(self, key: str, digest: str) -> None:
        with self.lock:
            self.acknowledged.setdefault(key, []).append(digest)


class Worker:
    """One client, in a thread of its own. `held` is what its keys may hold: one digest where it is certain."""

    def __init__(self, number: int, seed: int, gate: Gate, shared: Shared, connect: Callable[[], Client]) -> None:
        self.thread = threading.Thread(target=self._work, name=f"worker-{number}", daemon=True)
        self.number = number
        self.held: dict[str, set[Digest]] = {f"{number}/{each:02}": {None} for each in range(KEYS)}
        self._random = random.Random(f"{seed}/{number}")
        self._gate = gate
        self._shared = shared
        self._connect = connect
        self._s3: Client | None = None
        self._life = 0
        self._source: bytes | None = None
        self._ops: list[Callable[[], None]] = [self._put] * 8 + [self._copy] * 3 + [self._delete] * 3
        self._ops += [self._delete_many, self._multipart, self._multipart, self._abort, self._once, self._everybodys]
        self._ops += [self._look] * 4 + [self._list] + [self._layer] * 3 + [self._cover, self._uncover]
        self.layers: dict[str, list[tuple[str, Digest]]] = {f"{number}/{each}": [] for each in range(3)}
        """The versions of keys in the other bucket, the oldest first; None for a delete marker."""
        self.doubted: set[Digest] = set()
        """What else may be a version, for nobody knows whether it was written."""
        self.gone: set[str] = set()
        """Versions that are deleted, or may be."""

    def _work(self) -> None:
        try:
            while not self._gate.over:
                try:
                    self._random.choice(self._ops)()
                except Broken:
                    self._life = self._gate.wait(self._life)
        except BaseException as error:
            self._gate.faults.append(f"{self.thread.name}: {type(error).__name__}: {error}")
            with self._gate.changed:
                self._gate.changed.notify_all()

    def send(
        self, method: str, key: str = "", *, expect: tuple[int, ...] = (200,), bucket: str = BUCKET, **more: Any
    ) -> Answer:
        """What the server answers, which must be one of those; `Broken` when it dies meanwhile."""
        if self._s3 is None:
            self._life = self._gate.wait(0)
            self._s3 = self._connect()
        answer = self._s3(method, bucket, key, **more)
        assert answer.status in expect, f"{method} {key} {more.get('query')}: {answer.status} {answer.body[:500]!r}"
        self._gate.count()
        return answer

    def _insist(self, *args: Any, **more: Any) -> Answer | None:
        """As `send`, through as many lives as it takes; None when all is over before."""
        while True:
            try:
                return self.send(*args, **more)
            except Broken:
                self._life = self._gate.wait(self._life)
                if self._gate.over:
                    return None

    def _key(self) -> str:
        return self._random.choice(list(self.held))

    def _body(self) -> bytes:
        return self._random.randbytes(self._random.choice(SIZES))

    def _write(self, keys: list[str], digest: Digest, send: Callable[[], object]) -> None:
        """A change of keys, all to one digest: until it is acknowledged they may hold either."""
        before = {key: set(self.held[key]) for key in keys}
        for key in keys:
            self.held[key] = before[key] | {digest}
        send()
        for key in keys:
            self.held[key] = {digest}

    def _put(self) -> None:
        key, body = self._key(), self._body()
        headers = {"content_md5": base64.b64encode(hashlib.md5(body).digest()).decode()}
        if self._random.random() < 0.5:
            headers = {"x_amz_checksum_crc32": crc32(body)}
        if self._random.random() < 0.2:
            headers["x_amz_server_side_encryption"] = "AES256"
        self._write([key], md5(body), lambda: self.send("PUT", key, body=body, **headers))

    def _copy(self) -> None:
        source, target = self._key(), self._key()
        if source == target or len(self.held[source]) > 1 or None in self.held[source]:
            return self._put()
        (digest,) = self.held[source]
        return self._write([target], digest, lambda: self.send("PUT", target, x_amz_copy_source=f"{BUCKET}/{source}"))

    def _delete(self) -> None:
        key = self._key()
        self._write([key], None, lambda: self.send("DELETE", key, expect=(204,)))

    def _delete_many(self) -> None:
        """Several keys in one transaction: all go or none."""
        keys = self._random.sample(list(self.held), 3)
        there = [key for key in keys if self.look(key) is not None]
        objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
        sent = {"query": {"delete": ""}, "body": body, "content_md5": base64.b64encode(_md5(body)).decode()}
        try:
            self._write(keys, None, lambda: self.send("POST", **sent))
        except Broken:
            self._life = self._gate.wait(self._life)
            left = [key for key in there if self.look(key) is not None]
            assert left in ([], there), f"of {there}, deleted at once, {left} are left"

    def _begin(self, key: str) -> str:
        return self.send("POST", key, query={"uploads": ""}).text("UploadId")

    def _part(self, key: str, upload: str, number: int, body: bytes) -> str | None:
        query = {"partNumber": number, "uploadId": upload}
        answer = self._insist("PUT", key, query=query, body=body)
        return answer.headers["etag"] if answer else None

    def _parts(self, key: str, upload: str) -> tuple[bytes, list[str | None]]:
        """Sends parts, the last one first now and then; the object's bytes and the parts' tags."""
        bodies = [_LARGE, self._random.randbytes(self._random.choice((1, 5000, 400_000)))]
        numbers = [1, 2] if self._random.random() < 0.7 else [2, 1]
        tags = {number: self._part(key, upload, number, bodies[number - 1]) for number in numbers}
        return b"".join(bodies), [tags[1], tags[2]]

    def _multipart(self) -> None:
        """An upload that is completed, through however many lives, or left behind at the last moment."""
        key = self._key()
        upload = self._begin(key)
        body, tags = self._parts(key, upload)
        if None in tags:
            return
        listed = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(str(tag))}</ETag></Part>"
            for number, tag in enumerate(tags, 1)
        )
        sent = {"query": {"uploadId": upload}, "body": f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"}
        sent["body"] = sent["body"].encode()
        send = self._insist if self._random.random() < 0.7 else self.send
        self._write([key], md5(body), lambda: send("POST", key, **sent) or self._unsure(key, md5(body)))

    def _unsure(self, key: str, digest: str) -> None:
        """All is over, and nobody knows."""
        raise Broken(key, digest)

    def _abort(self) -> None:
        key = self._key()
        upload = self._begin(key)
        if self._random.random() < 0.5:
            self._part(key, upload, 1, self._random.randbytes(200_000))
        self._insist("DELETE", key, query={"uploadId": upload}, expect=(204, 404))

    def _once(self) -> None:
        """A key that only one can write first."""
        key, body = f"once/{self._gate.life}", self._random.randbytes(2000)
        self._shared.trying(key, md5(body))
        answer = self.send("PUT", key, body=body, if_none_match="*", expect=(200, 412))
        if answer.status == 200:
            self._shared.done(key, md5(body))

    def _everybodys(self) -> None:
        key, body = f"shared/{self._random.randrange(SHARED)}", self._body()
        self._shared.trying(key, md5(body))
        self.send("PUT", key, body=body)
        self._shared.done(key, md5(body))

    def _layer(self) -> None:
        key, body = self._random.choice(list(self.layers)), self._body()
        self.doubted.add(md5(body))
        version = self.send("PUT", key, bucket=LAYERED, body=body).headers["x-amz-version-id"]
        self.layers[key].append((version, md5(body)))

    def _cover(self) -> None:
        key = self._random.choice(list(self.layers))
        answer = self.send("DELETE", key, bucket=LAYERED, expect=(204,))
        assert answer.headers["x-amz-delete-marker"] == "true"
        self.layers[key].append((answer.headers["x-amz-version-id"], None))

    def _uncover(self) -> None:
        """Deletes a version for good."""
        key = self._random.choice(list(self.layers))
        if self.layers[key]:
            version, _ = self._random.choice(self.layers[key])
            self.gone.add(version)
            self.send("DELETE", key, bucket=LAYERED, expect=(204,), query={"versionId": version})
            self.layers[key] = [each for each in self.layers[key] if each[0] != version]

    def check_layers(self) -> None:
        """Each version that was acknowledged is there with its bytes, in its place; others only by a doubtful write."""
        for key, layers in self.layers.items():
            listed = self.send("GET", bucket=LAYERED, query={"versions": "", "prefix": key}).texts("VersionId")
            digests = dict(layers)
            for markers in (False, True):  # a listing shows versions first, then markers
                kind = [version for version, digest in reversed(layers) if (digest is None) == markers]
                owed = [version for version in kind if version not in self.gone]
                assert [version for version in listed if version in owed] == owed, f"{key}: {owed} in {listed}"
            for version in listed:
                answer = self.send("GET", key, bucket=LAYERED, query={"versionId": version}, expect=(200, 405))
                digest = None if answer.status == 405 else read(answer)
                if version in digests:
                    assert digest == digests[version], f"{key} {version}"
                else:
                    assert version in self.gone or digest in self.doubted | {None}, f"{key} {version}"

    def _look(self) -> None:
        self.look(self._key())

    def connect_anew(self) -> None:
        """Has the checks that follow the run begin on a connection of their own."""
        self._s3 = self._connect()

    def look(self, key: str) -> Digest:
        """What a key holds now: one of what it may hold, and from now on that."""
        answer = self.send("GET", key, expect=(200, 404), x_amz_checksum_mode="ENABLED")
        digest = read(answer)
        assert digest in self.held[key], f"{key} holds {digest} and should hold one of {self.held[key]}"
        self.held[key] = {digest}
        return digest

    def _list(self) -> None:
        """A listing shows what is certain to be there, and nothing that is certain not to be."""
        listed = set(self.send("GET", query={"list-type": 2, "prefix": f"{self.number}/"}).texts("Key"))
        certain = {key for key, held in self.held.items() if None not in held}
        possible = {key for key, held in self.held.items() if held != {None}}
        assert certain <= listed <= possible, f"listed {listed}, certain {certain}, possible {possible}"


def read(answer: Answer) -> Digest:
    """The digest of an answer's bytes, which are what its headers say."""
    if answer.status == 404:
        return None
    digest, etag = md5(answer.body), answer.headers["etag"].strip('"')
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert "-" in etag or etag == digest, f"the ETag is {etag} and the bytes' MD5 {digest}"
    if answer.headers.get("x-amz-checksum-type") == "FULL_OBJECT" and "x-amz-checksum-crc32" in answer.headers:
        assert answer.headers["x-amz-checksum-crc32"] == crc32(answer.body)
    return digest


def md5(body: bytes) -> str:
    return _md5(body).hex()


def _md5(body: bytes) -> bytes:
    return hashlib.md5(body).digest()


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
