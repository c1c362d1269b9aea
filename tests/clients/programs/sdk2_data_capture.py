"""An ordinary SDK v2 program: an endpoint whose requests are captured, then not, then its inputs alone.

Its arguments: the artifact. Prints what it saw as JSON on its last line.
"""

import json
import sys
import time
from functools import partial

import sagemaker
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.s3 import S3Downloader
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearnModel

session = sagemaker.Session()
session.wait_for_endpoint = partial(session.wait_for_endpoint, poll=1)  # the SDK itself looks every 30 seconds
with open("inference.py", "w") as file:
    file.write("import os, joblib\n\ndef model_fn(d):\n    return joblib.load(os.path.join(d, 'model.joblib'))\n")
model = SKLearnModel(
    model_data=session.upload_data(sys.argv[1], key_prefix="artifact"),
    role=sagemaker.get_execution_role(),
    entry_point="inference.py",
    framework_version="1.4-2",
    py_version="py3",
    sagemaker_session=session,
)
where = f"s3://{session.default_bucket()}/captured"
whole = DataCaptureConfig(enable_capture=True, sampling_percentage=100, destination_s3_uri=where)
inputs = DataCaptureConfig(
    enable_capture=True, sampling_percentage=100, destination_s3_uri=where, capture_options=["REQUEST"]
)
predictor = model.deploy(1, "ml.m5.large", serializer=CSVSerializer(), data_capture_config=whole, wait=False)
session.wait_for_endpoint(predictor.endpoint_name)
shown = []


def ask(*rows):
    described = session.sagemaker_client.describe_endpoint(EndpointName=predictor.endpoint_name)
    shown.append(described["DataCaptureConfig"])
    predictor.predict(rows)


ask(1.0, 2.0)
predictor.disable_data_capture()
ask(3.0, 4.0)
predictor.update_data_capture_config(inputs)
ask(5.0, 6.0)
until, lines = time.monotonic() + 60, []
while len(lines) < 2 and time.monotonic() < until:
    time.sleep(0.1)
    files = sorted(S3Downloader.list(f"{where}/{predictor.endpoint_name}/AllTraffic", sagemaker_session=session))
    lines = [json.loads(line) for each in files for line in S3Downloader.read_file(each, session).splitlines()]
predictor.delete_model()
predictor.delete_endpoint()
print()
told = {"statuses": "CaptureStatus", "percentages": "CurrentSamplingPercentage"}
print(json.dumps({name: [each[key] for each in shown] for name, key in told.items()} | {"lines": lines}))
