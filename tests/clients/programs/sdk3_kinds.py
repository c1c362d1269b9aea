"""An SDK v3 program that speaks in resources: containers side by side, and many models. Prints what it saw as JSON.

Its argument: an artifact, made elsewhere.
"""

import json
import sys

from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, InferenceExecutionConfig, ProductionVariant

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
session = Session()
bucket = session.default_bucket()
with open(sys.argv[1], "rb") as artifact:
    session.boto_session.client("s3").put_object(Bucket=bucket, Key="kinds/a.tar.gz", Body=artifact.read())


def deployed(name, **members):
    Model.create(model_name=name, execution_role_arn=get_execution_role(), **members)
    variant = ProductionVariant(
        variant_name="all", model_name=name, instance_type="ml.m5.large", initial_instance_count=1
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)
    return endpoint


def ask(endpoint, **target):
    answer = endpoint.invoke(body=b"1,2\n", content_type="text/csv", accept="application/json", **target)
    return json.loads(answer.body.read())


url = f"s3://{bucket}/kinds/"
direct = deployed(
    "v3-direct",
    inference_execution_config=InferenceExecutionConfig(mode="Direct"),
    containers=[
        ContainerDefinition(container_hostname=name, image=IMAGE, model_data_url=url + "a.tar.gz")
        for name in ("left", "right")
    ],
)
many = deployed("v3-many", primary_container=ContainerDefinition(image=IMAGE, mode="MultiModel", model_data_url=url))
seen = {
    "right": ask(direct, target_container_hostname="right"),
    "a": ask(many, target_model="a.tar.gz"),
    "mode": Model.get(model_name="v3-many").primary_container.mode,
}
for endpoint in (direct, many):
    endpoint.delete()
print(json.dumps(seen))
