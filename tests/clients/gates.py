"""A model whose answers wait until a test lets them go, and that says which worker answered."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.clients.road import ROLE, Road, until
from tests.clients.scripts import PYTHON, packed

SCRIPT = """
    import pathlib
    import time
    import uuid

    ml = pathlib.Path("/opt/ml")

    def model_fn(model_dir):
        if (pathlib.Path(model_dir) / "broken").exists():
            raise RuntimeError("the model is broken")
        return uuid.uuid4().hex

    def transform_fn(model, body, content_type, accept):
        text = body if isinstance(body, str) else bytes(body).decode()
        if text == "hold":
            (ml / "asked").touch()
            while not (ml / "go").exists():
                time.sleep(0.01)
        if text == "refuse":
            raise ValueError("such a request is refused")
        if text == "die":
            import os
            os._exit(3)
        return f"{text} {model}", "text/plain"
"""


class Gates:
    """The workers of an endpoint's model, by their folders."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.road = Road(server)
        self.jobs = Path(server.data) / "jobs"
        once = Config(retries={"total_max_attempts": 1}, read_timeout=120)
        self.runtime = boto3.client(
            "sagemaker-runtime",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id=server.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=server.env["AWS_SECRET_ACCESS_KEY"],
            config=once,
        )

    def model(self, name: str, **files: str) -> str:
        """A model of the script, with more files in its artifact."""
        model = f"{self.road.prefix}-{name}"
        self.road.put(f"{name}/model.tar.gz", packed({"code/inference.py": SCRIPT, **files}))
        container = {"Image": PYTHON, "ModelDataUrl": f"s3://{self.road.bucket}/{name}/model.tar.gz"}
        self.road.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return model

    def folders(self) -> list[Path]:
        """The folders of all workers of endpoints."""
        return sorted(self.jobs.glob("ep-*"))

    def asked(self) -> list[Path]:
        """The workers that have a request in hand which waits."""
        return [folder for folder in self.folders() if (folder / "ml" / "asked").exists()]

    def until_asked(self, count: int) -> list[Path]:
        return until(lambda: len(found := self.asked()) == count and found, f"{count} requests in hand")

    def go(self) -> None:
        """Lets the answers go, of all workers that there are."""
        for folder in self.folders():
            (folder / "ml" / "go").touch()

    def ask(self, endpoint: str, body: str = "now") -> tuple[str, str]:
        """What was asked, and which worker answered."""
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/plain")
        said, worker = answer["Body"].read().decode().split()
        return said, worker

    def hold(self, endpoint: str, times: int = 1) -> Held:
        """Requests that wait until `go`."""
        return Held([Call(lambda: self.ask(endpoint, "hold")) for _ in range(times)])


class Call:
    """Something that is done in a thread of its own."""

    def __init__(self, work: Any) -> None:
        self._work = work
        self._error: Exception | None = None
        self._answer: Any = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._answer = self._work()
        except Exception as error:
            self._error = error

    def result(self) -> Any:
        """What came of it; raises what it raised."""
        self._thread.join(60)
        assert not self._thread.is_alive(), "no answer within 60 seconds"
        if self._error:
            raise self._error
        return self._answer


class Held:
    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def answers(self) -> list[Any]:
        return [call.result() for call in self.calls]
