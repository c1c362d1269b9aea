"""An ordinary SDK v2 program with a script of its own. Prints what it saw as JSON on its last line."""

import json
import os
import tarfile

import numpy as np
import sagemaker
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn.estimator import SKLearn

session = sagemaker.Session()
random = np.random.default_rng(0)
features = random.normal(size=(300, 3))
np.savetxt("train.csv", np.column_stack([features[:, 0] > 0, features]), delimiter=",")

estimator = SKLearn(
    entry_point="train.py",
    source_dir=os.path.join(os.path.dirname(__file__), "sdk2_script"),
    role=sagemaker.get_execution_role(),
    instance_type="ml.c4.xlarge",
    framework_version="1.2-1",
    py_version="py3",
    hyperparameters={"max-leaf-nodes": 30, "criterion": "gini"},
    metric_definitions=[{"Name": "train:accuracy", "Regex": "train-accuracy=([0-9.]+);"}],
    sagemaker_session=session,
)
estimator.fit({"train": session.upload_data("train.csv", key_prefix="iris")})
S3Downloader.download(estimator.model_data, ".", sagemaker_session=session)
with tarfile.open("model.tar.gz") as tar:
    files = tar.getnames()
job = estimator.latest_training_job.describe()
print()
print(
    json.dumps(
        {
            "status": job["TrainingJobStatus"],
            "metrics": {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]},
            "files": files,
        }
    )
)
