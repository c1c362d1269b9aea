"""What an SDK user brings to XGBoostModel(entry_point=...)."""

import os
import pickle

from sagemaker_xgboost_container import encoder as xgb_encoders


def model_fn(model_dir):
    with open(os.path.join(model_dir, "xgboost-model"), "rb") as file:
        return pickle.load(file)


def input_fn(request_body, request_content_type):
    return xgb_encoders.decode(request_body, request_content_type)
