"""An SDK v3 program that hands its models to ModelBuilder as they are. Prints what it saw as JSON on its last line.

Its interpreter finds scikit-learn, XGBoost and PyTorch beside the SDK.
"""

import io
import json
import os

import numpy as np
import torch
import xgboost
from sagemaker.serve import InferenceSpec, ModelBuilder, ModelServer
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sklearn.linear_model import LinearRegression

ECR = "{}.dkr.ecr.us-east-1.amazonaws.com/{}"
ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]], dtype="float32")
TENSOR = torch.from_numpy(ROWS)


class Doubling(InferenceSpec):
    """Serves what is no model: it lives in this program alone."""

    def load(self, model_dir):
        return {"factor": 2, "files": os.listdir(model_dir)}

    def invoke(self, input_object, model):
        return {"doubled": [value * model["factor"] for value in input_object["values"]], "files": model["files"]}


linear = LinearRegression().fit(ROWS, ROWS.sum(axis=1))
trees = xgboost.XGBRegressor(n_estimators=3).fit(ROWS, ROWS.sum(axis=1))
net = torch.nn.Linear(2, 1)
builders = {
    "sklearn": {
        "model": linear,
        "schema_builder": SchemaBuilder(ROWS, linear.predict(ROWS)),
        "image_uri": ECR.format(683313688378, "sagemaker-scikit-learn:1.4-2-cpu-py3"),
    },
    "xgboost": {
        "model": trees,
        "schema_builder": SchemaBuilder(ROWS, trees.predict(ROWS)),
        "image_uri": ECR.format(683313688378, "sagemaker-xgboost:1.7-1"),
    },
    "torch": {
        "model": net,
        "schema_builder": SchemaBuilder(TENSOR, net(TENSOR)),
        "image_uri": ECR.format(763104351884, "pytorch-inference:2.4.0-cpu-py311-ubuntu22.04-sagemaker"),
    },
    "spec": {
        "inference_spec": Doubling(),
        "schema_builder": SchemaBuilder({"values": [1]}, {"doubled": [2]}),
        "image_uri": ECR.format(683313688378, "sagemaker-scikit-learn:1.4-2-cpu-py3"),
    },
}
endpoints = {}
for name, given in builders.items():
    builder = ModelBuilder(
        **given,
        model_server=ModelServer.TORCHSERVE,
        model_path=os.path.abspath(f"models/{name}"),
        dependencies={"auto": False, "custom": ["sagemaker-serve>=1.27"]},
        instance_type="ml.m5.large",
    )
    builder.build(model_name=f"v3-{name}")
    endpoints[name] = builder.deploy(endpoint_name=f"v3-{name}", initial_instance_count=1, wait=False)


def ask(name, sample):
    schema = builders[name]["schema_builder"]
    body, content_type = schema.input_serializer.serialize(sample), schema.input_serializer.CONTENT_TYPE
    answer = endpoints[name].invoke(body=body, content_type=content_type, accept="application/json")
    return schema.output_deserializer.deserialize(io.BytesIO(answer.body.read()), answer.content_type)


for endpoint in endpoints.values():
    endpoint.wait_for_status("InService", poll=1)
seen = {
    "sklearn": [ask("sklearn", ROWS).tolist(), linear.predict(ROWS).tolist()],
    "xgboost": [ask("xgboost", ROWS).tolist(), trees.predict(ROWS).tolist()],
    "torch": [ask("torch", TENSOR).tolist(), net(TENSOR).tolist()],
    "spec": ask("spec", {"values": [3, 4]}),
}
for endpoint in endpoints.values():
    endpoint.delete()
print()
print(json.dumps(seen))
