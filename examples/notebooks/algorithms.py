# %% [markdown]
# # Five algorithms on the same claims
#
# The tutorial of the same name, cell by cell: linear-learner, XGBoost, XGBoost as a tuning job finds it, random cut
# forest and k-means on the same car insurance claims. In the end one table compares them. Run a cell with
# Shift+Enter. It is plain boto3: the same cells run against AWS, with your own role and a bucket name of your own.
#
# The data are prepared with pandas and scikit-learn, which `pip install 'potager[notebooks]'` brings. XGBoost is the
# server's: it needs `pip install 'potager[algorithms]'` in the server's environment.

# %%
import json
import sys
import time
import uuid
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve

sys.path.insert(0, "programs")  # beside this notebook: the files of examples/fraud
import claims
import evaluate
import prepare
from columns import as_numbers
from registries import image_uri

session = boto3.Session()
sagemaker, s3 = session.client("sagemaker"), session.client("s3")
role = session.client("iam").get_role(RoleName="PotagerExecutionRole")["Role"]["Arn"]
name = f"compare-notebook-{uuid.uuid4().hex[:8]}"
print(name, role)

# %% [markdown]
# ## 1 Claims
#
# Whatever is compared is compared on the same test rows, which no model has seen before.

# %%
claims.write(Path("claims.csv"), rows=2000, seed=7)
raw = prepare.read(Path("claims.csv"), "fraud_reported")
prepared = prepare.prepare(raw, seed=7)
features = prepared.train.shape[1] - 1
print(f"{len(raw.labels):,} claims, {raw.labels.mean():.1%} of them fraudulent; {features} features")


def put(key, text):
    s3.put_object(Bucket=name, Key=key, Body=text.encode())


s3.create_bucket(Bucket=name)
for channel, part in (("train", prepared.train), ("validation", prepared.validation)):
    put(f"{channel}/rows.csv", prepare.channel_csv(part))
put("features/rows.csv", prepare.payload_csv(prepared.train))
for part, rows in (("validation", prepared.validation), ("test", prepared.test)):
    put(f"score/{part}.csv", prepare.payload_csv(rows))

# %% [markdown]
# ## 2 Linear-learner
#
# A weighted sum of the columns, pressed between 0 and 1: quick, and right where effects add up.
#
# `trained` starts a training job and waits for it. `scores` has a *batch transform* ask the model about a folder of
# rows: no endpoint stands for it. Every algorithm below goes through these two.

# %%
RESOURCES = {"InstanceType": "ml.m5.large", "InstanceCount": 1}
LABELLED = {"train": ("train", "text/csv"), "validation": ("validation", "text/csv")}
WITHOUT_LABELS = "text/csv;label_size=0"
entries = []


def algorithm(repository):
    return {
        "TrainingImage": image_uri(session.region_name, "amazonaws.com", repository),
        "TrainingInputMode": "File",
    }


def channels(folders):
    def source(folder):
        return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/{folder}/"}}

    return [
        {"ChannelName": channel, "ContentType": kind, "DataSource": source(folder)}
        for channel, (folder, kind) in folders.items()
    ]


def trained(what, repository, parameters, folders=LABELLED):
    job = f"{name}-{what}"
    sagemaker.create_training_job(
        TrainingJobName=job,
        RoleArn=role,
        AlgorithmSpecification=algorithm(repository),
        HyperParameters=parameters,
        InputDataConfig=channels(folders),
        OutputDataConfig={"S3OutputPath": f"s3://{name}/models/"},
        ResourceConfig={**RESOURCES, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=job)
    return sagemaker.describe_training_job(TrainingJobName=job)


def scores(job, folder, accept, read):
    """The answers by file of the folder."""
    asked = f"{job['TrainingJobName'][:50]}-{folder[:8]}"
    container = {
        "Image": job["AlgorithmSpecification"]["TrainingImage"],
        "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
    }
    sagemaker.create_model(ModelName=asked, ExecutionRoleArn=role, PrimaryContainer=container)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/{folder}/"}}
    sagemaker.create_transform_job(
        TransformJobName=asked,
        ModelName=asked,
        TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{name}/scores/{asked}/", "Accept": accept, "AssembleWith": "Line"},
        TransformResources=RESOURCES,
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=asked)
    sagemaker.delete_model(ModelName=asked)
    answers = {}
    for one in s3.list_objects_v2(Bucket=name, Prefix=f"scores/{asked}/")["Contents"]:
        lines = s3.get_object(Bucket=name, Key=one["Key"])["Body"].read().decode().splitlines()
        answers[one["Key"].rpartition("/")[2].removesuffix(".csv.out")] = np.array([read(line) for line in lines])
    return answers


def score(line):
    return json.loads(line)["score"]


linear = {
    "predictor_type": "binary_classifier",
    "binary_classifier_model_selection_criteria": "f_beta",
    "epochs": "30",
    "mini_batch_size": "70",
}
job = trained("linear", "linear-learner", linear)
entries.append(("linear-learner", scores(job, "score", "application/jsonlines", score)))
print(job["TrainingJobStatus"])

# %% [markdown]
# ## 3 XGBoost
#
# Small decision trees, each of which mends what those before it got wrong. Trees find what a sum cannot say: that a
# column matters only together with another. The job stops by itself once twenty rounds have brought nothing.

# %%
xgboost = {
    "objective": "binary:logistic",
    "eval_metric": "auc",
    "num_round": "100",
    "max_depth": "4",
    "eta": "0.1",
    "early_stopping_rounds": "20",
}
job = trained("xgboost", "xgboost", xgboost)
entries.append(("xgboost", scores(job, "score", "text/csv", float)))
print(job["TrainingJobStatus"], {one["MetricName"]: round(one["Value"], 4) for one in job["FinalMetricDataList"]})

# %% [markdown]
# ## 4 Tuning
#
# How deep should trees be, how cautious each? A tuning job is told ranges instead of values, and an objective. Each
# trial is a training job of its own, with a log and an artifact; Studio's page of the tuning job shows them as they
# come. Give it more than six trials and it finds better ones.

# %%
ranges = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.02", "MaxValue": "0.5", "ScalingType": "Logarithmic"},
        {"Name": "min_child_weight", "MinValue": "1", "MaxValue": "30", "ScalingType": "Logarithmic"},
    ],
    "IntegerParameterRanges": [{"Name": "max_depth", "MinValue": "1", "MaxValue": "6"}],
}
tuned = {one["Name"] for some in ranges.values() for one in some}
sagemaker.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=name,
    HyperParameterTuningJobConfig={
        "Strategy": "Bayesian",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2},
        "ParameterRanges": ranges,
        "RandomSeed": 7,
    },
    TrainingJobDefinition={
        "StaticHyperParameters": {key: value for key, value in xgboost.items() if key not in tuned},
        "AlgorithmSpecification": algorithm("xgboost"),
        "RoleArn": role,
        "InputDataConfig": channels(LABELLED),
        "OutputDataConfig": {"S3OutputPath": f"s3://{name}/models/"},
        "ResourceConfig": {**RESOURCES, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    },
)
while True:  # boto3 has no waiter for it
    found = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    if found["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping"):
        break
    time.sleep(1)
best = found["BestTrainingJob"]
print(found["HyperParameterTuningJobStatus"], best["TunedHyperParameters"])
job = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
entries.append(("xgboost, tuned", scores(job, "score", "text/csv", float)))

# %% [markdown]
# ## 5 Random cut forest
#
# Suppose that nobody had labelled anything. Random cut forest asks of each claim how soon random cuts set it apart
# from the others. Odd is not fraudulent, as the table will show.

# %%
forest = {"feature_dim": str(features), "num_trees": "100", "num_samples_per_tree": "256"}
job = trained("odd", "randomcutforest", forest, {"train": ("features", WITHOUT_LABELS)})
entries.append(("randomcutforest, no labels", scores(job, "score", "application/jsonlines", score)))
print(job["TrainingJobStatus"])

# %% [markdown]
# ## 6 k-means
#
# The customers, without their claims, in four groups. The columns are put on one scale first; otherwise the umbrella
# limit, in millions, would decide alone. Each group is shown by its means and its share of fraud.

# %%
customer = ["months_as_customer", "age", "policy_annual_premium", "policy_deductable", "umbrella_limit"]
known = raw.table[customer].apply(as_numbers)
known = known.fillna(known.median())
put("customers/rows.csv", ((known - known.mean()) / known.std()).to_csv(index=False, header=False, float_format="%.9g"))
groups = {"k": "4", "feature_dim": str(len(customer)), "init_method": "kmeans++"}
job = trained("customers", "kmeans", groups, {"train": ("customers", WITHOUT_LABELS)})
given = scores(job, "customers", "application/jsonlines", lambda line: json.loads(line)["closest_cluster"])["rows"]
shown = known.assign(fraud=raw.labels.to_numpy()).groupby(given).mean()
shown.insert(0, "customers", pd.Series(given).value_counts())
print(shown.round(2).to_string())

# %% [markdown]
# ## 7 The table
#
# Read it with `±` in mind: two standard errors of the ROC AUC on so many test rows. Models that differ by less cannot
# be told apart by these rows, and the simplest of them is the one to keep. The threshold of *F1*, *precision* and
# *recall* is the one with the best F1 on validation rows: on test rows it would be chosen by the very rows that judge
# it.

# %%
validation, test = (part.iloc[:, 0].to_numpy() for part in (prepared.validation, prepared.test))
table = {}
for model, found in entries:
    precision, recall, cuts = precision_recall_curve(validation, found["validation"])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    answers = (found["test"] >= cuts[int(np.argmax(f1[:-1]))]).astype(int)
    quality = evaluate.measure(evaluate.Predictions(test, found["test"], answers))
    table[model] = {
        "ROC AUC": quality.roc_auc,
        "±": 2 * evaluate.auc_error(quality),
        "PR AUC": average_precision_score(test, found["test"]),
        "F1": quality.f1,
        "precision": quality.precision,
        "recall": quality.recall,
    }
print(pd.DataFrame(table).T.round(3).to_string())
print(f"To beat: guessing has a ROC AUC of 0.5 and a PR AUC of {test.mean():.3f}.")

# %% [markdown]
# ## Tidy up
#
# What this notebook made is removed; the jobs' records stay.

# %%
for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
    for one in page["Contents"]:
        s3.delete_object(Bucket=name, Key=one["Key"])
s3.delete_bucket(Bucket=name)
print("removed")
