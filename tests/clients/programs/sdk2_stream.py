"""An ordinary SDK v2 program that reads an answer in parts. Its argument: the artifact. Prints JSON at its end."""

import json
import sys

import sagemaker
from sagemaker.iterators import LineIterator
from sagemaker.model import Model
from sagemaker.predictor import Predictor

session = sagemaker.Session()
model = Model(
    image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/python:3.11",
    model_data=session.upload_data(sys.argv[1], key_prefix="artifact"),
    role=sagemaker.get_execution_role(),
    predictor_cls=Predictor,
    sagemaker_session=session,
)
predictor = model.deploy(1, "ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)
parts = [part.decode() for part in predictor.predict_stream(b"")]
lines = [json.loads(line) for line in predictor.predict_stream(b"", iterator=LineIterator)]
predictor.delete_model()
predictor.delete_endpoint()
print()
print(json.dumps({"parts": parts, "lines": lines}))
