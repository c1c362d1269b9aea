"""An ordinary SDK v2 program that trains on two instances with torchrun. Prints what it saw as JSON at its end."""

import json
import os
import tarfile

import sagemaker
from sagemaker.pytorch import PyTorch
from sagemaker.s3 import S3Downloader

session = sagemaker.Session()
estimator = PyTorch(
    entry_point="train.py",
    source_dir=os.path.join(os.path.dirname(__file__), "sdk2_distributed"),
    role=sagemaker.get_execution_role(),
    image_uri="000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:3.11",
    instance_count=2,
    instance_type="ml.m5.large",
    distribution={"torch_distributed": {"enabled": True}},
    hyperparameters={"steps": 60},
    sagemaker_session=session,
)
estimator.fit()
S3Downloader.download(estimator.model_data, ".", sagemaker_session=session)
with tarfile.open("model.tar.gz") as tar:
    files = tar.getnames()
job = estimator.latest_training_job.describe()
print()
print(json.dumps({"status": job["TrainingJobStatus"], "count": job["ResourceConfig"]["InstanceCount"], "files": files}))
