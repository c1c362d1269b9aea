"""An SDK v3 program that trains across processes with torchrun. Prints what it saw as JSON on its last line."""

import json
import os
import tarfile

from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode
from sagemaker.train.distributed import Torchrun

session = Session()
source = os.path.join(os.path.dirname(__file__), "sdk3_torchrun")


def start(instances, processes):
    trainer = ModelTrainer(
        training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.4.0-cpu-py311",
        source_code=SourceCode(source_dir=source, entry_script="train.py"),
        compute=Compute(instance_type="ml.m5.large", instance_count=instances),
        distributed=Torchrun(process_count_per_node=processes),
        hyperparameters={"add": 1},
        base_job_name=f"v3-torchrun-{instances}",
    )
    trainer.train(wait=False, logs=False)
    return trainer._latest_training_job


def told(job):
    job.wait(poll=1)
    job.refresh()
    bucket, _, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").partition("/")
    session.boto_session.client("s3").download_file(bucket, key, "model.tar.gz")
    with tarfile.open("model.tar.gz") as tar:
        return json.load(tar.extractfile("told.json"))


one, two = start(instances=1, processes=2), start(instances=2, processes=1)
seen = {"one": told(one), "two": told(two)}
print()
print(json.dumps(seen))
