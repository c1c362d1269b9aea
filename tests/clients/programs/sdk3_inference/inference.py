"""What serves a model that one's own code loads: the functions of AWS's toolkit."""

import json
import os

import joblib


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(body, content_type):
    return json.loads(body)


def predict_fn(data, model):
    return model.predict(data)


def output_fn(prediction, accept):
    return json.dumps({"predicted": prediction.tolist(), "mine": os.environ["MINE"]})
