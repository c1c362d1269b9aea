"""SDK v3 with LightGBM by its model id in JumpStart. Prints what it saw as JSON on its last line."""

import json
import os

import numpy as np
from sagemaker.core import hyperparameters, image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData

session = Session()
random = np.random.default_rng(0)
features = random.normal(size=(200, 3))
os.makedirs("rows", exist_ok=True)
np.savetxt("rows/train.csv", np.column_stack([features[:, 0] > 0, features]), delimiter=",", fmt="%.6g")

model = {"model_id": "lightgbm-classification-model", "model_version": "*"}
image = image_uris.retrieve(region=None, framework=None, image_scope="training", instance_type="ml.m5.large", **model)
defaults = hyperparameters.retrieve_default(**model)
trainer = ModelTrainer(
    training_image=image,
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={**defaults, "num_boost_round": "10"},
    base_job_name="v3-lightgbm",
)
rows = InputData(channel_name="training", data_source=os.path.abspath("rows"), content_type="text/csv")
trainer.train(input_data_config=[rows], wait=False, logs=False)
job = trainer._latest_training_job
job.wait(poll=1)
job.refresh()
print()
print(
    json.dumps(
        {
            "image": image,
            "status": job.training_job_status,
            "metrics": [each.metric_name for each in job.final_metric_data_list],
        }
    )
)
