"""An ordinary SDK v3 program that serves a model with an inference.py of its own. Its artifact is the first argument.

Prints what it saw as JSON on its last line.
"""

import json
import os
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.serve import ModelBuilder
from sagemaker.train.configs import SourceCode

session = Session()
bucket = session.default_bucket()
session.upload_data(sys.argv[1], bucket=bucket, key_prefix="builder")

builder = ModelBuilder(
    image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
    s3_model_data_url=f"s3://{bucket}/builder/{os.path.basename(sys.argv[1])}",
    source_code=SourceCode(
        source_dir=os.path.join(os.path.dirname(__file__), "sdk3_inference"), entry_script="inference.py"
    ),
    instance_type="ml.m5.large",
    env_vars={"MINE": "yes"},
)
model = builder.build(model_name="v3-builder")
endpoint = builder.deploy(endpoint_name="v3-builder", initial_instance_count=1, wait=False)
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body=json.dumps([[1.0, 2.0]]), content_type="application/json", accept="application/json")
told = json.loads(answer.body.read())
described = Model.get(model_name="v3-builder")
container = described.primary_container or described.containers[0]
config = EndpointConfig.get(endpoint_config_name=endpoint.endpoint_config_name)
endpoint.delete()
endpoint.wait_for_delete(poll=1)
left = [each.endpoint_name for each in Endpoint.get_all()]
config.delete()
described.delete()
print()
print(
    json.dumps(
        {
            "told": told,
            "environment": container.environment,
            "instance": config.production_variants[0].instance_type,
            "left": left,
        }
    )
)
