"""An ordinary SDK v3 program with a script of its own. Prints what it saw as JSON on its last line."""

import json
import logging
import os
import tarfile
import tempfile

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import MetricDefinition
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, SourceCode

session = Session()
source = os.path.join(os.path.dirname(__file__), "sdk3_script")
folder = tempfile.mkdtemp()
for name in ("a.csv", "b.csv"):
    with open(os.path.join(folder, name), "w") as file:
        file.write("1,2\n")

trainer = ModelTrainer(
    training_image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
    source_code=SourceCode(source_dir=source, entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"depth": 3, "note": "two words"},
    base_job_name="v3-trainer",
).with_metric_definitions([MetricDefinition(name="train:loss", regex="train-loss=([0-9.]+);")])

lines = []
shown = logging.getLogger("sagemaker.core.resources")
shown.setLevel("INFO")
shown.addFilter(lambda record: lines.append(record.getMessage()) or True)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=folder)], wait=True, logs=True)
job = trainer._latest_training_job
job.refresh()

# A command in place of a script, and one that fails.
ways = {
    "command": SourceCode(source_dir=source, command="python train.py --depth 4 | tr a-z A-Z && ls beside.txt"),
    "fails": SourceCode(source_dir=source, command="python -c 'raise SystemExit(3)'"),
}
others = {}
for name, code in ways.items():
    others[name] = ModelTrainer(
        training_image="000000000000.dkr.ecr.us-east-1.amazonaws.com/python:3.11",
        source_code=code,
        compute=Compute(instance_type="ml.m5.large", instance_count=1),
        hyperparameters={"depth": 5},
        base_job_name=f"v3-{name}",
    )
    others[name].train(input_data_config=[InputData(channel_name="train", data_source=folder)], wait=False, logs=False)
ended = {}
for name, other in others.items():
    try:
        other._latest_training_job.wait(poll=1)
    except Exception as error:
        print(error)
    ended[name] = other._latest_training_job.refresh()

bucket, _, key = job.model_artifacts.s3_model_artifacts.removeprefix("s3://").partition("/")
session.boto_session.client("s3").download_file(bucket, key, "model.tar.gz")
with tarfile.open("model.tar.gz") as tar:
    told = json.load(tar.extractfile("told.json"))
print()
print(
    json.dumps(
        {
            "status": job.training_job_status,
            "metrics": {each.metric_name: each.value for each in job.final_metric_data_list},
            "told": told,
            "others": {name: other.training_job_status for name, other in ended.items()},
            "reason": ended["fails"].failure_reason,
            "log": [line.partition("\n")[2] for line in lines],
        }
    )
)
