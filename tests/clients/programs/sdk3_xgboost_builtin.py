"""SDK v3 with XGBoost's built-in algorithm, by its image alone. Prints what it saw as JSON on its last line."""

import json
import os
import tarfile

import numpy as np
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

session = Session()
random = np.random.default_rng(0)
features = random.normal(size=(200, 3))
os.makedirs("rows", exist_ok=True)
np.savetxt("rows/train.csv", np.column_stack([features[:, 0] + features[:, 1], features]), delimiter=",")

trainer = ModelTrainer(
    training_image=image_uris.retrieve("xgboost", "us-east-1", "1.7-1"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"num_round": 30, "objective": "reg:squarederror", "max_depth": 3},
    base_job_name="v3-xgboost",
)
rows = InputData(channel_name="train", data_source=os.path.abspath("rows"), content_type="text/csv")
trainer.train(input_data_config=[rows], wait=False, logs=False)
job = trainer._latest_training_job
job.wait(poll=1)
job.refresh()
bucket, _, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").partition("/")
session.boto_session.client("s3").download_file(bucket, key, "model.tar.gz")
with tarfile.open("model.tar.gz") as tar:
    files = sorted(info.name for info in tar if info.isfile())
print()
print(
    json.dumps(
        {
            "status": job.training_job_status,
            "metrics": {each.metric_name: each.value for each in job.final_metric_data_list},
            "files": files,
        }
    )
)
