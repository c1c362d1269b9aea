"""Endpoints whose models say who they are, for tests of traffic."""

from __future__ import annotations

from typing import Any

from tests.clients.road import ROLE, Road
from tests.clients.test_sklearn_endpoint import PYTHON, archive

SCRIPT = """
import os, time

def model_fn(model_dir):
    return None

def input_fn(body, content_type):
    return body if isinstance(body, str) else body.decode()

def predict_fn(text, model):
    print("asked", text, flush=True)
    if text == "die":
        os._exit(3)
    if text == "hang":
        time.sleep(3600)
    if text == "slow":
        time.sleep(0.2)
    if text == "busy":
        ready = time.process_time() + 0.1
        while time.process_time() < ready:
            pass
    return NAME

def output_fn(answer, accept):
    return answer, "text/plain"
"""


class Traffic:
    """A road with models of a few lines, configurations of them, and an endpoint to ask."""

    def __init__(self, server: Any) -> None:
        self.road = Road(server)
        self.sagemaker, self.runtime, self.logs = self.road.sagemaker, self.road.runtime, server.client("logs")

    def model(self, says: str, script: str = SCRIPT) -> str:
        """A model that answers with `says`; its name."""
        name = f"{self.road.prefix}-{says}"
        key = f"{says}/model.tar.gz"
        self.road.put(key, archive({"code/inference.py": f"NAME = {says!r}\n{script}"}))
        container = {"Image": PYTHON, "ModelDataUrl": f"s3://{self.road.bucket}/{key}"}
        self.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        return name

    def variant(self, model: str, name: str = "AllTraffic", count: int = 1, weight: float = 1.0) -> dict[str, Any]:
        return {
            "VariantName": name,
            "ModelName": model,
            "InstanceType": "ml.t2.medium",
            "InitialInstanceCount": count,
            "InitialVariantWeight": weight,
        }

    def config(self, name: str, *variants: dict[str, Any], **more: Any) -> str:
        config = f"{self.road.prefix}-{name}"
        self.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=list(variants), **more)
        return config

    def endpoint(self, name: str, config: str, **more: Any) -> str:
        """An endpoint in service."""
        endpoint = f"{self.road.prefix}-{name}"
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)
        self.road.wait_in_service(endpoint)
        return endpoint

    def ask(self, endpoint: str, text: str = "who", **more: Any) -> str:
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=text, ContentType="text/plain", **more)
        return answer["Body"].read().decode()

    def show(self, endpoint: str) -> dict[str, Any]:
        return self.sagemaker.describe_endpoint(EndpointName=endpoint)

    def said(self, endpoint: str, variant: str) -> str:
        """All that one variant's instances have said."""
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        events = self.logs.filter_log_events(logGroupName=group, logStreamNamePrefix=f"{variant}/")["events"]
        return "\n".join(event["message"] for event in events)
