from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from potager.cli import authority, certificates
from potager.kernel.errors import Invalid
from potager.kernel.settings import Settings
from tests.unit.cli.elsewhere import certificate


def shake(
    context: ssl.SSLContext, trusted: bytes | ssl.SSLContext, name: str, resume: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """A handshake in memory, a byte after it; the client's side, which trusts `trusted` and nothing else.

    A session is resumed in the client's context that it was begun in.
    """
    trusting = ssl.create_default_context(cadata=trusted.decode()) if isinstance(trusted, bytes) else trusted
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name, session=resume)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    server.write(b"x")
    assert client.read(1) == b"x"
    return client


def own(data: Path, **settings: object) -> certificates.Certificates:
    made = certificates.of(Settings(data=data, tls=True, **settings))  # type: ignore[arg-type]
    assert made
    return made


def test_without_tls_there_is_none(tmp_path: Path) -> None:
    assert certificates.of(Settings(data=tmp_path)) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "::1", "claims.localhost", "claims.s3.localhost", "a.bucket.with.dots.s3.localhost"],
)
def test_ours_is_for_this_machine_and_for_buckets_below_it(tmp_path: Path, name: str) -> None:
    ours = own(tmp_path)
    shake(ours.context(), ours.trusted, name)


@pytest.mark.parametrize("name", ["example.com", "sts.us-east-1.amazonaws.com", "10.0.0.1", "localhost.example.com"])
def test_ours_is_for_nobody_else(tmp_path: Path, name: str) -> None:
    ours = own(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake(ours.context(), ours.trusted, name)


@pytest.mark.parametrize("name", ["example.com", "sts.amazonaws.com", "10.0.0.1", "2001:db8::7"])
def test_its_authority_cannot_vouch_for_the_world(tmp_path: Path, name: str) -> None:
    ours = own(tmp_path, host="192.168.7.7")
    assert isinstance(ours, certificates.Own)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(ours._authority.context(name), ours.trusted, name)


def test_names_of_ones_own_and_a_domain_for_buckets(tmp_path: Path) -> None:
    ours = own(tmp_path, tls_names=("ml.example.com", "10.1.2.3"), s3_domain="s3.example.com")
    for name in ("ml.example.com", "10.1.2.3", "s3.example.com", "my.claims.s3.example.com"):
        shake(ours.context(), ours.trusted, name)


def test_its_authority_stays_until_the_server_is_called_something_else(tmp_path: Path) -> None:
    first = own(tmp_path, tls_names=("box.lan",)).trusted
    assert own(tmp_path).trusted == first
    assert own(tmp_path, tls_names=("box.lan",)).trusted == first == certificates.trusted(tmp_path)
    other = own(tmp_path, tls_names=("other.lan",)).trusted
    assert other != first
    assert certificates.trusted(tmp_path) == other


def test_a_session_is_resumed_also_by_the_name_of_a_bucket(tmp_path: Path) -> None:
    ours = own(tmp_path)
    for name in ("localhost", "claims.s3.localhost"):
        context = ours.context()
        trusting = ssl.create_default_context(cadata=ours.trusted.decode())
        session: ssl.SSLSession | None = None
        for again in (False, True):
            client = shake(context, trusting, name, session)
            assert client.session_reused is again
            session = client.session


def test_it_is_made_anew_before_it_ends_and_nobody_trusts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = own(tmp_path)
    now = authority._now()
    monkeypatch.setattr(authority, "_now", lambda: now - authority.DAYS * 0.6)
    before = ours.context()
    assert ours.context() is before
    monkeypatch.undo()
    assert ours.context() is not before
    shake(ours.context(), ours.trusted, "localhost")


def test_old_versions_of_tls_are_not_spoken(tmp_path: Path) -> None:
    context = own(tmp_path).context()
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION


def given(tmp_path: Path, path: Path, key: Path | None = None) -> certificates.Certificates:
    made = certificates.of(Settings(data=tmp_path / "data", tls_certificate=path, tls_key=key))
    assert made
    return made


def test_a_given_certificate_is_shown_and_trusted_and_named(tmp_path: Path) -> None:
    made = given(tmp_path, certificate(tmp_path, "localhost"))
    shake(made.context(), made.trusted, "localhost")
    assert made.name("127.0.0.1") == "localhost"
    assert certificates.trusted(tmp_path / "data") == made.trusted
    assert b"PRIVATE" not in made.trusted


def test_the_key_may_lie_beside_it(tmp_path: Path) -> None:
    both = certificate(tmp_path, "localhost").read_bytes()
    at = both.index(b"-----BEGIN CERTIFICATE")
    (tmp_path / "key.pem").write_bytes(both[:at])
    (tmp_path / "certificate.pem").write_bytes(both[at:])
    made = given(tmp_path, tmp_path / "certificate.pem", tmp_path / "key.pem")
    shake(made.context(), made.trusted, "localhost")


def test_a_given_certificate_that_is_replaced_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "LOOK", -1.0)
    path = certificate(tmp_path, "localhost")
    made = given(tmp_path, path)
    before = shake(made.context(), made.trusted, "localhost").getpeercert(binary_form=True)
    certificate(tmp_path, "renewed.example")
    os.replace(tmp_path / "renewed.example.pem", path)
    assert shake(made.context(), made.trusted, "renewed.example").getpeercert(binary_form=True) != before


def test_one_that_is_torn_leaves_that_of_before_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(certificates, "LOOK", -1.0)
    path = certificate(tmp_path, "localhost")
    made = given(tmp_path, path)
    path.write_text("torn")
    shake(made.context(), made.trusted, "localhost")
    assert "the certificate of before stays in use" in caplog.text
    caplog.clear()
    made.context()
    assert not caplog.text


def test_what_is_no_certificate_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "text.pem").write_text("hello")
    one, two = certificate(tmp_path, "one"), certificate(tmp_path, "two")
    with pytest.raises(Invalid, match=r"text\.pem: no certificate with its key: not PEM.*\. Give both in PEM"):
        given(tmp_path, tmp_path / "text.pem")
    with pytest.raises(Invalid, match="the key is not that certificate's"):
        given(tmp_path, one, two)
    with pytest.raises(Invalid, match=r"absent\.pem: cannot read the certificate or its key: No such file"):
        given(tmp_path, tmp_path / "absent.pem")
    with pytest.raises(Invalid, match="tls_key is given and tls_certificate is not"):
        certificates.of(Settings(data=tmp_path, tls_key=one))


def test_an_encrypted_key_is_refused_and_nobody_is_asked(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    path = certificate(tmp_path, "localhost")
    key = load_pem_private_key(path.read_bytes(), None)
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "key.pem").write_bytes(secret)
    with pytest.raises(Invalid, match="its key is encrypted"):
        given(tmp_path, path, tmp_path / "key.pem")


def test_a_name_that_nobody_finds_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert given(tmp_path, certificate(tmp_path, "ml.invalid")).name("127.0.0.1") == "ml.invalid"
    assert "ml.invalid, a name that this machine does not find" in caplog.text
