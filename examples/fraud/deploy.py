"""Step 5 of the road: the trained model behind an endpoint, questions to it, and its removal.

CreateModel -> CreateEndpointConfig -> CreateEndpoint -> InvokeEndpoint ... -> the three Delete calls, last made first
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from aws import Aws, is_absent
from botocore.exceptions import ClientError, WaiterError
from errors import RoadError
from terminal import watched

LARGEST_PAYLOAD = 4_000_000  # bytes; SageMaker refuses requests of more than 6 MB


def create_model(aws: Aws, name: str, image: str, artifact: str, role: str) -> str:
    """A model: the image that serves, and the artifact that training left; returns its ARN."""
    container = {"Image": image, "ModelDataUrl": artifact}
    return aws.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)["ModelArn"]


def create_config(aws: Aws, name: str, model: str) -> str:
    """An endpoint configuration: one instance serves all traffic; returns its ARN."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    answer = aws.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    return answer["EndpointConfigArn"]


def create_endpoint(aws: Aws, name: str, config: str) -> str:
    """The endpoint itself; returns its ARN at once, before it is in service."""
    return aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)["EndpointArn"]


def wait(aws: Aws, endpoint: str) -> None:
    """Wait until the endpoint is in service.

    Raises
    ------
    RoadError
        with its ``FailureReason``, where it fails
    """
    waiter = aws.sagemaker.get_waiter("endpoint_in_service")
    try:
        with watched(aws.sagemaker, "DescribeEndpoint", lambda found: found.get("EndpointStatus", "unknown")):
            waiter.wait(EndpointName=endpoint, WaiterConfig=aws.waiter)
    except WaiterError as error:
        reason = error.last_response.get("FailureReason", str(error))
        raise RoadError(f"The endpoint {endpoint} is not in service: {reason}") from error


def predict(aws: Aws, endpoint: str, payload: str, progress: Callable[[int], None] = lambda rows: None) -> Any:
    """Ask the endpoint about rows of CSV.

    Parameters
    ----------
    payload : one row of features a line, no header
    progress : told how many rows are answered, after each request

    Returns
    -------
    scores : (n_rows,), the probability of 1
    answers : (n_rows,), 0 or 1
    """
    predictions: list[dict[str, float]] = []
    for batch in batches(payload, LARGEST_PAYLOAD):
        answer = aws.runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="application/json", Body=batch
        )
        predictions += _predictions(answer["Body"].read())
        progress(len(predictions))
    scores = np.array([found["score"] for found in predictions], dtype=float)
    return scores, np.array([found["predicted_label"] for found in predictions]).astype(int)


def _predictions(body: bytes) -> list[dict[str, float]]:
    try:
        return json.loads(body)["predictions"]
    except (ValueError, KeyError, TypeError) as error:
        raise RoadError(f"The endpoint did not answer as linear-learner does, but: {body[:200]!r}") from error


def batches(payload: str, largest: int) -> Iterator[bytes]:
    """Whole lines, as many at a time as fit into so many bytes."""
    batch = bytearray()
    for line in payload.encode().splitlines(keepends=True):
        if batch and len(batch) + len(line) > largest:
            yield bytes(batch)
            batch.clear()
        batch += line
    if batch:
        yield bytes(batch)


def delete_endpoint(aws: Aws, name: str) -> bool:
    """Delete the endpoint and wait until it is gone; one that is still being made is waited for first.

    Returns
    -------
    whether it was there
    """
    try:
        if aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] in ("Creating", "Updating"):
            _wait_for_any_end(aws, name)
        aws.sagemaker.delete_endpoint(EndpointName=name)
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=aws.waiter)
    return True


def _wait_for_any_end(aws: Aws, name: str) -> None:
    try:
        aws.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=aws.waiter)
    except WaiterError:
        return  # it failed: that can be deleted as well


def delete_config(aws: Aws, name: str) -> bool:
    """Delete the endpoint configuration; tells whether it was there."""
    return _unless_absent(lambda: aws.sagemaker.delete_endpoint_config(EndpointConfigName=name))


def delete_model(aws: Aws, name: str) -> bool:
    """Delete the model, its artifact in the bucket aside; tells whether it was there."""
    return _unless_absent(lambda: aws.sagemaker.delete_model(ModelName=name))


def _unless_absent(delete: Callable[[], Any]) -> bool:
    try:
        delete()
    except ClientError as error:
        if is_absent(error):
            return False
        raise
    return True
