"""A server that speaks https: with a certificate of its own authority, and with one that was given."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, SSLError

import potager
from potager.cli.authority import Authority, Bounds
from tests.clients.road import until
from tests.clients.scripts import Scripts
from tests.clients.test_script_mode import told


@pytest.fixture(scope="module")
def secure() -> Iterator[potager.Local]:
    with potager.local(tls=True, s3_domain="s3.claims.localhost") as running:
        yield running


def potager_command(server: potager.Local, *words: str, environ: dict[str, str] | None = None) -> str:
    command = [sys.executable, "-m", "potager", words[0], "--data", str(server.data), *words[1:]]
    result = subprocess.run(command, capture_output=True, text=True, env=environ)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_clients_of_every_protocol_reach_it(secure: potager.Local) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    s3 = secure.client("s3")
    s3.create_bucket(Bucket="tls-claims")
    body = os.urandom(3_000_000)
    s3.put_object(Bucket="tls-claims", Key="k", Body=body)  # aws-chunked, its checksum behind it
    assert s3.get_object(Bucket="tls-claims", Key="k")["Body"].read() == body
    assert secure.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert secure.client("sagemaker").list_models()["Models"] == []


def test_who_does_not_trust_its_authority_is_not_served(secure: potager.Local) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        boto3.client(
            "s3",
            endpoint_url=secure.url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="y",
            verify=ssl.get_default_verify_paths().cafile or True,
            config=Config(retries={"max_attempts": 0}, proxies={}),
        ).list_buckets()


def test_plain_http_is_told_to_come_by_https(secure: potager.Local) -> None:
    place = urlsplit(secure.url).netloc
    for method, path in (("GET", "/"), ("GET", "/health"), ("PUT", "/bucket/key")):
        connection = HTTPConnection(place)
        connection.request(method, path, body=b"x" * 100_000 if method == "PUT" else None)
        answer = connection.getresponse()
        assert (answer.status, b"This port speaks https" in answer.read()) == (400, True)
        connection.close()
    plain = boto3.Session(aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1")
    for service, call in (("s3", "list_buckets"), ("sts", "get_caller_identity"), ("sagemaker", "list_models")):
        client: Any = plain.client(service, endpoint_url=f"http://{place}", config=Config(proxies={}))
        with pytest.raises(ClientError, match="This port speaks https"):
            getattr(client, call)()


def test_env_lets_a_program_in_that_knows_only_the_environment(secure: potager.Local) -> None:
    told = json.loads(potager_command(secure, "env", "--format", "json"))
    assert told["AWS_ENDPOINT_URL"] == secure.url
    bundle = Path(told["AWS_CA_BUNDLE"]).read_bytes()
    assert bundle.count(b"-----BEGIN CERTIFICATE-----") > 50  # the public roots stay
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        assert Path(told[name]).read_bytes().count(b"-----BEGIN CERTIFICATE-----") > 50
    code = """
import os, urllib.request, boto3
print(boto3.client("sts").get_caller_identity()["Account"])
print(urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/health").read().decode())
"""
    environ = os.environ | told
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True).stdout
    assert said.splitlines() == ["000000000000", '{"status": "ready"}']


def test_env_that_is_evaluated_again_keeps_what_the_shell_trusted(secure: potager.Local, tmp_path: Path) -> None:
    corporate = tmp_path / "corporate.pem"
    corporate.write_bytes(Authority.of(tmp_path, Bounds("own.pem", "corporate", ("example.com",))).certificate)
    environ = os.environ | {"AWS_CA_BUNDLE": str(corporate)}
    once = json.loads(potager_command(secure, "env", "--format", "json", environ=environ))
    twice = json.loads(potager_command(secure, "env", "--format", "json", environ=environ | once))
    assert twice == once
    content = Path(twice["AWS_CA_BUNDLE"]).read_bytes()
    assert corporate.read_bytes().strip() in content
    assert content.count(b"-----BEGIN CERTIFICATE-----") == 2


def test_run_brings_a_program_and_awss_own_names_here(secure: potager.Local) -> None:
    code = """
import boto3
print(boto3.client("sts").get_caller_identity()["Account"])
print(boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com").get_caller_identity()["Account"])
s3 = boto3.client("s3", endpoint_url="https://s3.us-east-1.amazonaws.com")
s3.create_bucket(Bucket="tls-run")
s3.put_object(Bucket="tls-run", Key="k", Body=b"x" * 1_000_000)
print(len(s3.get_object(Bucket="tls-run", Key="k")["Body"].read()))
"""
    said = potager_command(secure, "run", "--", sys.executable, "-c", code)
    assert said.split() == ["000000000000", "000000000000", "1000000"]


def test_the_program_of_a_job_calls_back_by_https_and_by_awss_names(secure: potager.Local) -> None:
    train = """
        import json, os, boto3
        region = os.environ["AWS_REGION"]
        named = boto3.client("sts", region_name=region, endpoint_url=f"https://sts.{region}.amazonaws.com")
        told = {
            "endpoint": os.environ["AWS_ENDPOINT_URL"],
            "plain": boto3.client("sts").get_caller_identity()["Arn"],
            "named": named.get_caller_identity()["Arn"],
            "buckets": len(boto3.client("s3").list_buckets()["Buckets"]) > 0,
        }
        open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(told))
    """
    scripts = Scripts(secure)
    seen = told(scripts, scripts.script("tls", {"train.py": train}))
    assert seen["endpoint"] == secure.url
    assert seen["plain"] == seen["named"]
    assert "assumed-role" in seen["plain"]
    assert seen["buckets"]


def test_doctor_knows_it_and_its_port(secure: potager.Local) -> None:
    port = str(urlsplit(secure.url).port)
    environ = os.environ | {"POTAGER_TLS": "yes", "POTAGER_PORT": port}
    found = json.loads(potager_command(secure, "doctor", "--format", "json", environ=environ))
    told = {each["name"]: each["value"] for each in found}
    assert told["server"].startswith(secure.url)
    assert told["port"] == f"{port} of 127.0.0.1 is a Potager server's"
    assert told["tls"].startswith("https, by the data folder's own authority")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_is_let_in_by_the_bundle(secure: potager.Local) -> None:
    where = secure.url.replace("127.0.0.1", "a.bucket.with.dots.s3.localhost")
    curl = ["curl", "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}", where]
    result = subprocess.run(curl, capture_output=True, text=True, env=os.environ | secure.env)
    assert (result.stdout, result.stderr) == ("404", "")


def test_a_given_certificate_is_shown_and_replaced_without_a_restart(tmp_path: Path) -> None:
    ours = Authority.of(tmp_path, Bounds("own.pem", "Corporate", ("localhost",)))
    path = tmp_path / "served.pem"
    key, certificate = served(ours)
    path.write_bytes(certificate + ours.certificate)
    (tmp_path / "key.pem").write_bytes(key)
    with potager.local(tls_certificate=path, tls_key=tmp_path / "key.pem") as p:
        assert p.url.startswith("https://localhost:")
        assert p.client("sts").get_caller_identity()["Account"] == "000000000000"
        first = shown(p, ours)
        assert first == ssl.PEM_cert_to_DER_cert(certificate.decode())
        code = "import boto3; print(boto3.client('sts', endpoint_url='https://sts.us-east-1.amazonaws.com')"
        said = potager_command(p, "run", "--", sys.executable, "-c", code + ".get_caller_identity()['Account'])")
        assert said.strip() == "000000000000"
        key, renewed = served(ours)
        (tmp_path / "key.pem").write_bytes(key)
        path.write_bytes(renewed + ours.certificate)
        until(lambda: shown(p, ours) == ssl.PEM_cert_to_DER_cert(renewed.decode()), "the new certificate")
        assert p.client("sts").get_caller_identity()["Account"] == "000000000000"


def served(ours: Authority) -> tuple[bytes, bytes]:
    """A key, and a certificate for localhost by `ours`."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from potager.cli.authority import _pem

    key = ec.generate_private_key(ec.SECP256R1())
    return _pem(key), ours._vouch(["localhost"], key.public_key())


def shown(server: potager.Local, ours: Authority) -> bytes | None:
    context = ssl.create_default_context(cadata=ours.certificate.decode())
    connection = HTTPSConnection(urlsplit(server.url).netloc, context=context)
    connection.connect()
    try:
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert connection.sock.version() == "TLSv1.3"
        return connection.sock.getpeercert(binary_form=True)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[potager.Local]:
    with potager.local(s3_domain="s3.claims.localhost") as running:
        yield running


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name below localhost is this machine, as RFC 6761 has it; not every system's resolver knows."""
    ask = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **more: Any) -> Any:
        return ask("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("domain", ["localhost", "s3.localhost", "s3.claims.localhost"])
def test_a_buckets_name_may_stand_before_the_host(
    secure: potager.Local, plain: potager.Local, scheme: str, domain: str
) -> None:
    server = secure if scheme == "https" else plain
    where = f"{scheme}://{domain}:{urlsplit(server.url).port}"
    style = Config(s3={"addressing_style": "virtual"}, signature_version="s3v4", proxies={})
    s3 = boto3.client(
        "s3",
        endpoint_url=where,
        region_name="us-east-1",
        aws_access_key_id=server.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=server.env["AWS_SECRET_ACCESS_KEY"],
        verify=server.env.get("AWS_CA_BUNDLE"),
        config=style,
    )
    bucket = "virtual-claims"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a/b c.txt", Body=b"virtual")
    assert s3.get_object(Bucket=bucket, Key="a/b c.txt")["Body"].read() == b"virtual"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b c.txt"]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/b c.txt"})
    assert url.startswith(f"{scheme}://{bucket}.{domain}:")
    assert fetched(server, url) == b"virtual"
    path = server.client("s3")  # and the same bucket by path
    assert path.head_object(Bucket=bucket, Key="a/b c.txt")["ContentLength"] == 7
    s3.delete_object(Bucket=bucket, Key="a/b c.txt")
    s3.delete_bucket(Bucket=bucket)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("domain", ["localhost", "s3.localhost", "s3.claims.localhost"])
def test_a_bucket_with_dots_may_too(secure: potager.Local, plain: potager.Local, domain: str) -> None:
    for server, scheme in ((secure, "https"), (plain, "http")):
        server.client("s3").create_bucket(Bucket="with.some.dots")
        server.client("s3").put_object(Bucket="with.some.dots", Key="k", Body=b"dots")
        # By hand: boto3 itself takes the path for such a bucket over https, for AWS's wildcard would not match.
        request = AWSRequest("GET", f"{scheme}://with.some.dots.{domain}:{urlsplit(server.url).port}/k")
        keys = Credentials(server.env["AWS_ACCESS_KEY_ID"], server.env["AWS_SECRET_ACCESS_KEY"])
        S3SigV4QueryAuth(keys, "s3", "us-east-1").add_auth(request)
        assert fetched(server, request.url) == b"dots"


def fetched(server: potager.Local, url: str) -> bytes:
    secure = url.startswith("https")
    context = ssl.create_default_context(cafile=server.env["AWS_CA_BUNDLE"]) if secure else None
    with urllib.request.urlopen(url, context=context) as answer:
        return answer.read()
