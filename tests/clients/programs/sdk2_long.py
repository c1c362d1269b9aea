"""SDK v2: spot training from checkpoints, two jobs of one warm pool. Prints what it saw as JSON on its last line."""

import json
import os
from pathlib import Path

import sagemaker
from sagemaker.sklearn.estimator import SKLearn

session = sagemaker.Session()
bucket = session.default_bucket()
Path("train.py").write_text("""
import os
path = os.environ["FOLDER"] + "/step"
step = int(open(path).read()) if os.path.exists(path) else 0
open(path, "w").write(str(step + 1))
open(os.environ["SM_MODEL_DIR"] + "/step", "w").write(str(step))
print(f"step={step};")
""")


def fit(name, folder, **more):
    estimator = SKLearn(
        entry_point="train.py",
        source_dir=os.getcwd(),
        role=sagemaker.get_execution_role(),
        instance_type="ml.m5.large",
        framework_version="1.2-1",
        py_version="py3",
        environment={"FOLDER": folder},
        metric_definitions=[{"Name": "step", "Regex": "step=([0-9]+);"}],
        sagemaker_session=session,
        **more,
    )
    estimator.fit(job_name=name)
    return estimator.latest_training_job.describe()


spot = {
    "use_spot_instances": True,
    "max_run": 300,
    "max_wait": 600,
    "max_retry_attempts": 2,
    "checkpoint_s3_uri": f"s3://{bucket}/checkpoints",
    "checkpoint_local_path": "/opt/ml/saved",
}
spotted = [fit(f"spot-{number}", "/opt/ml/saved", **spot) for number in (1, 2)]
warm = {"keep_alive_period_in_seconds": 600}
pooled = [fit(f"pool-{number}", "/opt/ml/sagemaker/warmpoolcache", **warm) for number in (1, 2)]
session.update_training_job("pool-2", resource_config={"KeepAlivePeriodInSeconds": 0})
print()
print(
    json.dumps(
        {
            "steps": [job["FinalMetricDataList"][0]["Value"] for job in (*spotted, *pooled)],
            "checkpoints": spotted[1]["CheckpointConfig"],
            "spot": spotted[1]["EnableManagedSpotTraining"],
            "retries": spotted[1]["RetryStrategy"]["MaximumRetryAttempts"],
            "pools": [session.describe_training_job(f"pool-{number}")["WarmPoolStatus"]["Status"] for number in (1, 2)],
        }
    )
)
