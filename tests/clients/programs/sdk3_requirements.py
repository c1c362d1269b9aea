"""An SDK v3 program whose script needs packages. The folder of its source is the first argument.

Prints what it saw as JSON on its last line.
"""

import json
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode

session = Session()
trainer = ModelTrainer(
    training_image="763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.4.0-cpu-py311",
    source_code=SourceCode(source_dir=sys.argv[1], entry_script="train.py", requirements="requirements.txt"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    base_job_name="v3-requirements",
)
trainer.train(wait=False, logs=False)
job = trainer._latest_training_job
job.wait(poll=1)
logs = session.boto_session.client("logs").filter_log_events(
    logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=job.training_job_name
)
job.refresh()
print()
print(json.dumps({"status": job.training_job_status, "lines": [event["message"] for event in logs["events"]]}))
