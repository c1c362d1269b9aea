"""The code of AWS's page on LightGBM and of its notebooks, with data of its own. Prints what it saw last."""

import json

import numpy as np
import sagemaker
from sagemaker import hyperparameters, image_uris, model_uris, script_uris
from sagemaker.estimator import Estimator
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
from sagemaker.utils import name_from_base

algorithm = "lightgbm"
train_model_id, train_model_version, train_scope = f"{algorithm}-classification-model", "*", "training"
training_instance_type = inference_instance_type = "ml.m5.large"
sess = sagemaker.Session()
aws_role = sagemaker.get_execution_role()

random = np.random.default_rng(0)
features = random.normal(size=(400, 4))
labels = (features.sum(axis=1) > 0).astype(int)  # no single tree tells them apart, so that training stops late
np.savetxt("data.csv", np.column_stack([labels, features])[:300], delimiter=",", fmt="%.6g")
output_bucket = sess.default_bucket()
sess.upload_data("data.csv", key_prefix=f"{algorithm}/training/train")
training_dataset_s3_path = f"s3://{output_bucket}/{algorithm}/training"

train_image_uri = image_uris.retrieve(
    region=None,
    framework=None,
    model_id=train_model_id,
    model_version=train_model_version,
    image_scope=train_scope,
    instance_type=training_instance_type,
)
train_source_uri = script_uris.retrieve(
    model_id=train_model_id, model_version=train_model_version, script_scope=train_scope
)
train_model_uri = model_uris.retrieve(
    model_id=train_model_id, model_version=train_model_version, model_scope=train_scope
)
defaults = hyperparameters.retrieve_default(model_id=train_model_id, model_version=train_model_version)
chosen = dict(defaults)
chosen["num_boost_round"] = "20"
chosen["metric"] = "auc"
chosen["learning_rate"] = "0.2"
hyperparameters.validate(model_id=train_model_id, model_version=train_model_version, hyperparameters=chosen)
numbers = hyperparameters.retrieve_default(model_id=f"{algorithm}-regression-model", model_version="*")

tabular_estimator = Estimator(
    role=aws_role,
    image_uri=train_image_uri,
    source_dir=train_source_uri,
    model_uri=train_model_uri,
    entry_point="transfer_learning.py",
    instance_count=1,
    instance_type=training_instance_type,
    max_run=360000,
    hyperparameters=chosen,
    output_path=f"s3://{output_bucket}/jumpstart-example-tabular-training/output",
)
tuner = HyperparameterTuner(
    tabular_estimator,
    "auc",
    {"learning_rate": ContinuousParameter(0.1, 0.3, scaling_type="Auto")},
    [{"Name": "auc", "Regex": "auc: ([0-9\\.]+)"}],
    max_jobs=2,
    max_parallel_jobs=2,
    objective_type="Maximize",
    base_tuning_job_name=algorithm,
)
tuner.fit({"training": training_dataset_s3_path}, logs=True, wait=False)
sess.wait_for_tuning_job(tuner.latest_tuning_job.name, poll=1)

deploy_image_uri = image_uris.retrieve(
    region=None,
    framework=None,
    image_scope="inference",
    model_id=train_model_id,
    model_version=train_model_version,
    instance_type=inference_instance_type,
)
deploy_source_uri = script_uris.retrieve(
    model_id=train_model_id, model_version=train_model_version, script_scope="inference"
)
endpoint_name = name_from_base(f"jumpstart-example-{train_model_id}-")
tuner.deploy(
    initial_instance_count=1,
    instance_type=inference_instance_type,
    entry_point="inference.py",
    image_uri=deploy_image_uri,
    source_dir=deploy_source_uri,
    endpoint_name=endpoint_name,
    wait=False,
)
sess.wait_for_endpoint(endpoint_name, poll=1)
answer = sess.sagemaker_runtime_client.invoke_endpoint(
    EndpointName=endpoint_name,
    ContentType="text/csv",
    Accept="application/json;verbose",
    Body=CSVSerializer().serialize(features[300:]),
)
verbose = json.loads(answer["Body"].read())
Predictor(endpoint_name, sess).delete_endpoint()

print()
print(
    json.dumps(
        {
            "image": train_image_uri,
            "defaults": defaults,
            "objectives": [defaults["objective"], numbers["objective"]],
            "members": sorted(verbose),
            "accuracy": float(np.mean(np.array(verbose["predicted_label"]) == labels[300:])),
            "trained": sess.describe_training_job(tuner.best_training_job())["HyperParameters"]["objective"],
        }
    )
)
