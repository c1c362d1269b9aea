from __future__ import annotations

import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509

from potager.cli import authority
from potager.cli.authority import Authority


def shake(ours: Authority, host: str, name: str) -> None:
    """A TLS handshake in memory: a client that trusts the authority asks for `name`, a server answers as `host`."""
    trusting = ssl.create_default_context(cadata=ours.certificate.decode())
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = ours.context(host).wrap_bio(to_server, to_client, server_side=True)
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize(
    "host",
    ["sts.us-east-1.amazonaws.com", "my_bucket.with.dots.s3.cn-north-1.amazonaws.com.cn", "s3.dualstack.api.aws"],
)
def test_a_client_that_trusts_it_accepts_awss_names(tmp_path: Path, host: str) -> None:
    shake(Authority.of(tmp_path), host, host)


def test_a_client_refuses_the_certificate_of_another_name(tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(Authority.of(tmp_path), "sts.amazonaws.com", "s3.amazonaws.com")


@pytest.mark.parametrize("host", ["pypi.org", "amazonaws.com.evil.example"])
def test_it_cannot_vouch_for_names_that_are_not_awss(tmp_path: Path, host: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(Authority.of(tmp_path), host, host)


def test_it_stays_the_same_and_its_key_is_its_owners(tmp_path: Path) -> None:
    first = Authority.of(tmp_path)
    assert Authority.of(tmp_path).certificate == first.certificate
    assert stat.S_IMODE((tmp_path / "ca/authority.pem").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ca").stat().st_mode) == 0o700


def test_it_is_replaced_before_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "YEARS", authority.SPARE / 2)
    first = Authority.of(tmp_path)
    monkeypatch.undo()
    second = Authority.of(tmp_path)
    assert second.certificate != first.certificate
    assert Authority.of(tmp_path).certificate == second.certificate


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    first = Authority.of(tmp_path)
    (tmp_path / "ca/authority.pem").write_text("torn")
    second = Authority.of(tmp_path)
    assert second.certificate != first.certificate
    shake(second, "sts.amazonaws.com", "sts.amazonaws.com")


def test_a_host_keeps_its_certificate(tmp_path: Path) -> None:
    ours = Authority.of(tmp_path)
    assert ours.context("sts.amazonaws.com") is ours.context("sts.amazonaws.com")


def test_its_certificate_is_an_authoritys(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(Authority.of(tmp_path).certificate)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
