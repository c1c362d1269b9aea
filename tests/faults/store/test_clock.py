"""A clock that jumps by a day, forth and back, between requests and in the middle of things."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import botocore.auth
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.clients.road import until
from tests.faults.store.audit import Folder
from tests.faults.store.client import Client
from tests.faults.store.mortal import Mortal

DAY = 86_400
ENABLED = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
RULE = (
    b"<LifecycleConfiguration><Rule><ID>r</ID><Status>Enabled</Status><Filter><Prefix>short/</Prefix></Filter>"
    b"<Expiration><Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
)


class Clock:
    """The clock of a server and of those who sign requests to it."""

    def __init__(self, mortal: Mortal, monkeypatch: pytest.MonkeyPatch) -> None:
        self._mortal = mortal
        self._wrong = timedelta()
        monkeypatch.setattr(botocore.auth, "get_current_datetime", self._now)

    def set(self, days: float, signers: float | None = None) -> None:
        """Makes it wrong by so many days, and by others for those who sign."""
        self._mortal.set_clock(days * DAY)
        self._wrong = timedelta(days=days if signers is None else signers)

    def _now(self, remove_tzinfo: bool = True) -> datetime:
        now = datetime.now(UTC) + self._wrong
        return now.replace(tzinfo=None) if remove_tzinfo else now


@pytest.fixture
def clock(mortal: Mortal, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(mortal, monkeypatch)


@pytest.fixture
def s3(mortal: Mortal) -> Client:
    mortal.start()
    client = Client(mortal.url, mortal.env)
    assert client("PUT", "clocked").status == 200
    return client


def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status == status, answer.body
    return answer


def test_versions_keep_the_order_of_their_writes(clock: Clock, s3: Client) -> None:
    ok(s3("PUT", "clocked", query={"versioning": ""}, body=ENABLED))
    written: list[str] = []
    for days in (0, 1, -1, 0.5):
        clock.set(days)
        written.insert(0, ok(s3("PUT", "clocked", "k", body=str(days).encode())).headers["x-amz-version-id"])
    assert ok(s3("GET", "clocked", "k")).body == b"0.5"
    assert s3("GET", "clocked", query={"versions": ""}).texts("VersionId") == written
    clock.set(-1)
    ok(s3("DELETE", "clocked", "k"), 204)
    ok(s3("GET", "clocked", "k"), 404)
    clock.set(1)
    ok(s3("PUT", "clocked", "k", body=b"last"))
    assert ok(s3("GET", "clocked", "k")).body == b"last"
    assert s3("GET", "clocked", query={"list-type": 2}).texts("Key") == ["k"]


def test_an_upload_goes_on_whatever_the_clock_does(clock: Clock, s3: Client, mortal: Mortal) -> None:
    bodies = [bytes(5 * 2**20), b"middle" * 10**6, b"last"]
    upload = ok(s3("POST", "clocked", "k", {"uploads": ""})).text("UploadId")
    tags: list[str] = []
    for number, (days, body) in enumerate(zip((1, -1, 0), bodies, strict=True), 1):
        clock.set(days)
        tags.append(ok(s3("PUT", "clocked", "k", {"partNumber": number, "uploadId": upload}, body)).headers["etag"])
    assert s3("GET", "clocked", "k", {"uploadId": upload}).texts("PartNumber") == ["1", "2", "3"]
    clock.set(-1)
    assert s3("GET", "clocked", query={"uploads": ""}).texts("UploadId") == [upload]
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1))
    whole = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    ok(s3("POST", "clocked", "k", {"uploadId": upload}, whole))
    assert ok(s3("GET", "clocked", "k")).body == b"".join(bodies)
    until(lambda: not Folder(mortal.data).complaints(), "a folder in order")


def test_who_signs_by_another_clock_is_told_so(clock: Clock, s3: Client) -> None:
    for days in (1, -1):
        clock.set(days, signers=0)
        answer = ok(s3("PUT", "clocked", "k", body=b"x"), 403)
        assert answer.code == "RequestTimeTooSkewed"
        clock.set(days)
        ok(s3("PUT", "clocked", "k", body=b"x"))


def test_a_presigned_url_is_good_for_its_time_by_the_servers_clock(clock: Clock, s3: Client, mortal: Mortal) -> None:
    ok(s3("PUT", "clocked", "k", body=b"x"))
    keys = Credentials(mortal.env["AWS_ACCESS_KEY_ID"], mortal.env["AWS_SECRET_ACCESS_KEY"])
    request = AWSRequest("GET", f"{mortal.url}/clocked/k")
    S3SigV4QueryAuth(keys, "s3", "us-east-1", expires=3600).add_auth(request)

    def status() -> int:
        try:
            with urlopen(request.prepare().url) as answer:
                return answer.status
        except HTTPError as error:
            return error.code

    seen: list[int] = []
    for days in (0, 1, -1, 0):
        clock.set(days)
        seen.append(status())
    assert seen == [200, 403, 403, 200]


def test_a_rule_waits_for_its_days_by_the_clock_as_it_is(clock: Clock, s3: Client, mortal: Mortal) -> None:
    ok(s3("PUT", "clocked", "short/k", body=b"x"))
    ok(s3("PUT", "clocked", "long/k", body=b"x"))
    ok(s3("PUT", "clocked", query={"lifecycle": ""}, body=RULE))
    clock.set(-1)
    mortal.kill()
    s3.close()
    mortal.start()
    ok(s3("PUT", "clocked", query={"lifecycle": ""}, body=RULE))
    assert s3("GET", "clocked", query={"list-type": 2}).texts("Key") == ["long/k", "short/k"]
    clock.set(3)
    mortal.kill()
    s3.close()
    mortal.start()
    until(lambda: s3("GET", "clocked", query={"list-type": 2}).texts("Key") == ["long/k"], "the end of an object")
