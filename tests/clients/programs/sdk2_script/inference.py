"""What an SDK user brings to Estimator.deploy(entry_point=...)."""

import json
import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def output_fn(prediction, accept):
    return json.dumps({"labels": [int(label) for label in prediction]})
