"""An ordinary SDK v3 program that tunes a script. Prints what it saw as JSON on its last line."""

import json
import os

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, IntegerParameter
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode
from sagemaker.train.tuner import HyperparameterTuner

session = Session()
trainer = ModelTrainer(
    training_image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
    source_code=SourceCode(
        source_dir=os.path.join(os.path.dirname(__file__), "sdk2_tuner_script"), entry_script="train.py"
    ),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"greeting": "hello"},
    base_job_name="v3-tuned",
)
tuner = HyperparameterTuner(
    model_trainer=trainer,
    objective_metric_name="height",
    metric_definitions=[{"Name": "height", "Regex": r"height=(\S+);"}],
    hyperparameter_ranges={"depth": IntegerParameter(1, 9), "shape": CategoricalParameter(["round", "flat"])},
    max_jobs=3,
    max_parallel_jobs=2,
)
tuner.tune(wait=False)
tuner.wait()
job = tuner.describe()
best = job.best_training_job
print()
print(
    json.dumps(
        {
            "status": job.hyper_parameter_tuning_job_status,
            "completed": job.training_job_status_counters.completed,
            "best": best.training_job_name == tuner.best_training_job(),
            "value": best.final_hyper_parameter_tuning_job_objective_metric.value,
            "tuned": best.tuned_hyper_parameters,
        }
    )
)
