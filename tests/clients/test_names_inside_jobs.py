"""AWS's own host names inside jobs: a script that spells them out comes here, and everything else goes its way."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from potager.cli.authority import Authority
from tests.clients.road import ROLE, wait_for_job
from tests.clients.scripts import Scripts
from tests.clients.test_script_mode import told

NAMES = """
    import json, os, pathlib, urllib.request
    import boto3
    from botocore.config import Config

    region, bucket = os.environ["AWS_REGION"], os.environ["BUCKET"]
    sts = boto3.client("sts", region_name=region, endpoint_url=f"https://sts.{region}.amazonaws.com")
    virtual = Config(s3={"addressing_style": "virtual"}, signature_version="s3v4")
    s3 = boto3.client("s3", endpoint_url=f"https://s3.{region}.amazonaws.com", config=virtual)
    s3.put_object(Bucket=bucket, Key="by/name.txt", Body=b"by name")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "by/name.txt"})
    told = {
        "who": sts.get_caller_identity()["Arn"],
        "host": url.split("/")[2],
        "read": urllib.request.urlopen(url).read().decode(),
        "role": json.loads(pathlib.Path("/opt/ml/metadata/resource-metadata.json").read_text())["ExecutionRoleArn"]
                if pathlib.Path("/opt/ml/metadata").exists() else None,
        "proxy": os.environ["HTTPS_PROXY"],
        "bundle": os.environ["AWS_CA_BUNDLE"],
    }
    open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(told))
"""


@pytest.fixture(scope="module")
def scripts(server: Any) -> Scripts:
    return Scripts(server)


@pytest.fixture(scope="module")
def caller(scripts: Scripts) -> Any:
    """What a job that used AWS's names wrote down, and its name."""
    job = scripts.script("names", {"train.py": NAMES}, Environment={"BUCKET": scripts.road.bucket})
    return told(scripts, job) | {"name": job["TrainingJobName"]}


def test_sts_and_buckets_answer_by_the_names_that_aws_gave_them(scripts: Scripts, caller: Any) -> None:
    assert caller["who"].endswith(f":assumed-role/PotagerExecutionRole/SageMaker-{caller['name']}")
    assert caller["host"] == f"{scripts.road.bucket}.s3.us-east-1.amazonaws.com"
    assert caller["read"] == "by name"
    assert caller["role"] in (ROLE, None)


def connect(proxy: str, target: str) -> tuple[int, socket.socket]:
    """What the proxy answers to a CONNECT with the login of its URL."""
    parts = urlsplit(proxy)
    login = base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()
    sock = socket.create_connection((parts.hostname or "", parts.port or 0))
    sock.sendall(f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode())
    return int(sock.recv(12, socket.MSG_WAITALL).split()[1]), sock


def test_the_way_out_ends_with_the_job(caller: Any) -> None:
    status, sock = connect(caller["proxy"], "sts.us-east-1.amazonaws.com:443")
    sock.close()
    assert status == 407


def test_nobody_else_may_use_the_proxy(scripts: Scripts) -> None:
    for login in ("", "potager:guess@", "bm9uZQ==:bm9uZQ==@"):
        status, sock = connect(f"http://{login}{urlsplit(scripts.server.url).netloc}", "example.com:443")
        sock.close()
        assert status == 407


def test_the_login_rests_in_no_file_of_ours(scripts: Scripts) -> None:
    job = scripts.start(
        "rests", algorithm={"ContainerEntrypoint": ["python", "-c", "import os, time; os.remove('gone')"]}
    )
    ended = wait_for_job(scripts.road.sagemaker, job)
    assert ended["TrainingJobStatus"] == "Failed"
    for path in Path(scripts.server.data).rglob("workload.json"):
        assert "HTTPS_PROXY" not in path.read_text()


def test_network_isolation_leaves_the_proxy_out(scripts: Scripts) -> None:
    train = """
        import json, os
        names = [name for name in os.environ if name.lower() in ("https_proxy", "aws_ca_bundle")]
        open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(names))
    """
    job = scripts.script("apart", {"train.py": train}, EnableNetworkIsolation=True)
    assert told(scripts, job) == []


def test_a_proxy_of_the_users_own_is_left_alone(scripts: Scripts) -> None:
    train = """
        import json, os
        told = {name: os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "AWS_CA_BUNDLE")}
        open(os.environ["SM_MODEL_DIR"] + "/told.json", "w").write(json.dumps(told))
    """
    given = {"HTTPS_PROXY": "http://corporate:3128", "AWS_CA_BUNDLE": "/opt/ml/mine.pem"}
    seen = told(scripts, scripts.script("own", {"train.py": train}, Environment=given))
    assert seen["HTTPS_PROXY"] == "http://corporate:3128"
    assert seen["AWS_CA_BUNDLE"].endswith("/mine.pem")
    assert "@127.0.0.1" not in (seen["https_proxy"] or "")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """An https server of somebody else's: its port and the certificate that vouches for it."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"from elsewhere")

        def log_message(self, *_: Any) -> None:
            pass

    authority = Authority.of(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    server.socket = authority.context("elsewhere.amazonaws.com").wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, authority.certificate.decode()
    server.shutdown()
    server.server_close()


def test_other_hosts_are_reached_through_the_proxy_untouched(scripts: Scripts, elsewhere: tuple[int, str]) -> None:
    port, certificate = elsewhere
    # By the proxy's own tunnel: clients go to this machine without it.
    train = """
        import base64, os, socket, ssl
        from urllib.parse import unquote, urlsplit
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        login = base64.b64encode(f"{unquote(proxy.username)}:{unquote(proxy.password)}".encode()).decode()
        sock = socket.create_connection((proxy.hostname, proxy.port))
        asked = ["CONNECT 127.0.0.1:" + os.environ["PORT"] + " HTTP/1.1", "Proxy-Authorization: Basic " + login, "", ""]
        sock.sendall("\\r\\n".join(asked).encode())
        head = b""
        while not head.endswith(b"\\r\\n\\r\\n"):
            head += sock.recv(1)
        context = ssl.create_default_context(cafile="trusted.pem")
        secure = context.wrap_socket(sock, server_hostname="elsewhere.amazonaws.com")
        secure.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(secure.makefile().read().splitlines()[-1])
    """
    files = {"train.py": train, "trusted.pem": certificate}
    job = scripts.script("world", files, Environment={"PORT": str(port)})
    assert job["TrainingJobStatus"] == "Completed", scripts.lines(job)
    assert scripts.lines(job)[-1] == "from elsewhere"


def test_the_names_answer_again_after_the_server_was_killed_and_is_up_again(fresh_server: Any) -> None:
    scripts = Scripts(fresh_server)
    train = """
        import os, time, boto3
        from botocore.config import Config
        patient = Config(retries={"max_attempts": 50})
        s3 = boto3.client("s3", config=patient)
        while not s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="go")["KeyCount"]:
            time.sleep(0.05)
        boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com", config=patient).get_caller_identity()
    """
    hyperparameters = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": scripts.source("again", {"train.py": train}),
    }
    name = scripts.start("again", HyperParameters=hyperparameters, Environment={"BUCKET": scripts.road.bucket})
    fresh_server.kill()
    fresh_server.start()
    scripts.road.put("go", "on")
    job = wait_for_job(scripts.road.sagemaker, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_tls_is_spoken_by_a_certificate_that_the_bundle_vouches_for(scripts: Scripts, caller: Any) -> None:
    bundle = Path(caller["bundle"]).read_text()
    assert (Authority.of(Path(scripts.server.data)).certificate.decode()) in bundle
    assert ssl.create_default_context(cadata=bundle).get_ca_certs()
    assert json.dumps(caller["proxy"]).count("@127.0.0.1:") == 1
