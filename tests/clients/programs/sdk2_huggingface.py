"""An ordinary SDK v2 program: Hugging Face's estimator, then its model. Prints JSON on its last line."""

import json
import os

import sagemaker
from sagemaker.huggingface import HuggingFace, HuggingFaceModel

session = sagemaker.Session()
with open("rows.csv", "w") as file:
    file.write("good day,1\nbad day,0\ngood night,1\nbad night,0\n")

estimator = HuggingFace(
    entry_point="train.py",
    source_dir=os.path.join(os.path.dirname(__file__), "sdk2_huggingface_script"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.p3.2xlarge",
    transformers_version="4.36",
    pytorch_version="2.1",
    py_version="py310",
    hyperparameters={"steps": 40},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
    sagemaker_session=session,
)
estimator.fit({"train": session.upload_data("rows.csv", key_prefix="huggingface")}, wait=False)
session.wait_for_job(estimator.latest_training_job.name, poll=1)  # fit itself would look every 30 seconds
job = estimator.latest_training_job.describe()

model = HuggingFaceModel(
    model_data=estimator.model_data,
    role=sagemaker.get_execution_role(),
    transformers_version="4.37",
    pytorch_version="2.1",
    py_version="py310",
    env={"HF_TASK": "text-classification"},
    sagemaker_session=session,
)
predictor = model.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
labels = [predictor.predict({"inputs": text})[0]["label"] for text in ("good night", "bad day")]
predictor.delete_model()
predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "image": estimator.training_image_uri(),
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "labels": labels,
        }
    )
)
