"""An ordinary SDK v3 program: a model that is asked now and answers later, and one without a running worker.

Its artifact is the first argument. Prints what it saw as JSON on its last line.
"""

import json
import os
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.inference_config import AsyncInferenceConfig, ServerlessInferenceConfig
from sagemaker.serve import ModelBuilder
from sagemaker.train.configs import SourceCode

session = Session()
bucket = session.default_bucket()
session.upload_data(sys.argv[1], bucket=bucket, key_prefix="demand")
s3 = session.boto_session.client("s3")


def deploy(name, config):
    builder = ModelBuilder(
        image_uri="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        s3_model_data_url=f"s3://{bucket}/demand/{os.path.basename(sys.argv[1])}",
        source_code=SourceCode(
            source_dir=os.path.join(os.path.dirname(__file__), "sdk3_inference"), entry_script="inference.py"
        ),
        instance_type="ml.m5.large",
        env_vars={"MINE": "yes"},
    )
    builder.build(model_name=name)
    endpoint = builder.deploy(endpoint_name=name, inference_config=config, initial_instance_count=1, wait=False)
    endpoint.wait_for_status("InService", poll=1)
    return endpoint


body = json.dumps([[1.0, 2.0]])
later = deploy("v3-async", AsyncInferenceConfig(output_path=f"s3://{bucket}/demand/out"))
s3.put_object(Bucket=bucket, Key="demand/in", Body=body, ContentType="application/json")
sent = later.invoke_async(input_location=f"s3://{bucket}/demand/in", accept="application/json")
key = sent.output_location.split("/", 3)[3]
s3.get_waiter("object_exists").wait(Bucket=bucket, Key=key, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
answered = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
later.delete()

without = deploy("v3-serverless", ServerlessInferenceConfig(memory_size_in_mb=1024, max_concurrency=2))
told = json.loads(without.invoke(body=body, content_type="application/json").body.read())
without.refresh()
config = without.production_variants[0].current_serverless_config
without.delete()
print()
print(json.dumps({"answered": answered, "told": told, "most": config.max_concurrency}))
