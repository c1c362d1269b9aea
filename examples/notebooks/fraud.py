# %% [markdown]
# # From insurance claims to fraud predictions
#
# The tutorial of the same name, cell by cell: raw car insurance claims, prepared, learned from, deployed, and
# judged. Run a cell with Shift+Enter. It is plain boto3: the same cells run against AWS, with your own role and a
# bucket name of your own.
#
# The data are prepared with pandas and scikit-learn, which `pip install 'potager[notebooks]'` brings.

# %%
import json
import sys
import uuid
from pathlib import Path

import boto3

sys.path.insert(0, "programs")  # beside this notebook: the files of examples/fraud
import claims
import evaluate
import prepare

session = boto3.Session()
sagemaker, runtime, s3 = (session.client(name) for name in ("sagemaker", "sagemaker-runtime", "s3"))
role = session.client("iam").get_role(RoleName="PotagerExecutionRole")["Role"]["Arn"]
name = f"fraud-notebook-{uuid.uuid4().hex[:8]}"
print(name, role)

# %% [markdown]
# ## 1 Frame
#
# Is a claim fraudulent? The column `fraud_reported` tells. Three claims in four are honest, so a model that always
# answers "no" is right three times in four and catches nobody: accuracy alone is not the measure. The *ROC AUC* is
# how often a fraudulent claim gets a higher score than an honest one. Guessing gives 0.5, and nobody gets beyond
# 0.883 here but by luck: `claims.py` says how the claims are made up.

# %%
claims.write(Path("claims.csv"), rows=1000, seed=7)
raw = prepare.read(Path("claims.csv"), "fraud_reported")
print(f"{len(raw.labels):,} claims, {raw.labels.mean():.1%} of them fraudulent")
print(raw.table.head().to_string())

# %% [markdown]
# ## 2 Collect
#
# A bucket, and the raw file in it.

# %%
s3.create_bucket(Bucket=name)
s3.upload_file("claims.csv", name, "raw/claims.csv")
print([one["Key"] for one in s3.list_objects_v2(Bucket=name)["Contents"]])

# %% [markdown]
# ## 3 Prepare
#
# A model computes with numbers: words become 0/1 columns, dates their parts, gaps a usual value. What a gap is
# filled with is decided on the training rows alone; otherwise the test would be given away.

# %%
prepared = prepare.prepare(raw, seed=7)
for channel, part in (("train", prepared.train), ("validation", prepared.validation)):
    s3.put_object(Bucket=name, Key=f"{channel}/rows.csv", Body=prepare.channel_csv(part).encode())
print(f"{len(prepared.train)} rows to train, {len(prepared.validation)} to validate, {len(prepared.test)} to test")
for column in prepared.dropped:
    print(f"left out: {column.name}, {column.reason}")

# %% [markdown]
# ## 4 Train
#
# `create_training_job` names the image of linear-learner by the very address that it has on AWS.

# %%
image = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1"


def channel(kind):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/{kind}/"}
    return {"ChannelName": kind, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


sagemaker.create_training_job(
    TrainingJobName=name,
    RoleArn=role,
    AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
    HyperParameters={
        "predictor_type": "binary_classifier",
        "binary_classifier_model_selection_criteria": "f_beta",
        "epochs": "30",
        "mini_batch_size": "35",
    },
    InputDataConfig=[channel("train"), channel("validation")],
    OutputDataConfig={"S3OutputPath": f"s3://{name}/models/"},
    ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    StoppingCondition={"MaxRuntimeInSeconds": 600},
)
sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
job = sagemaker.describe_training_job(TrainingJobName=name)
print(job["TrainingJobStatus"], job.get("FailureReason", ""), job["ModelArtifacts"]["S3ModelArtifacts"])
for metric in job["FinalMetricDataList"]:
    print(metric["MetricName"], round(metric["Value"], 4))

# %% [markdown]
# ## 5 Deploy
#
# A *model* says which artifact goes with which image, an *endpoint configuration* how much of it to run, and the
# *endpoint* is what answers.

# %%
container = {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
variant = {"VariantName": "only", "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)
sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)
print(sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"])

# %% [markdown]
# ## 6 Evaluate
#
# The endpoint is asked about the claims that were held back. *Recall* is the share of the fraud that was caught,
# *precision* the share of the alarms that were right.

# %%
import numpy as np


def ask(part):
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=prepare.payload_csv(part).encode()
    )
    found = json.loads(answer["Body"].read())["predictions"]
    scores, labels = np.array([one["score"] for one in found]), part.iloc[:, 0].to_numpy()
    return evaluate.Predictions(labels, scores, np.array([int(one["predicted_label"]) for one in found]))


training, validation, test = (
    evaluate.measure(ask(part)) for part in (prepared.train, prepared.validation, prepared.test)
)
for told, quality in (("training", training), ("validation", validation), ("test", test)):
    print(f"{told:11}" + "".join(f"{label} {getattr(quality, name_):.3f}   " for name_, label in evaluate.FIGURES))
print(evaluate.fit_verdict(training, validation))

# %% [markdown]
# ## 7 Tidy up
#
# What this notebook made is removed; the training job's record stays.

# %%
sagemaker.delete_endpoint(EndpointName=name)
sagemaker.delete_endpoint_config(EndpointConfigName=name)
sagemaker.delete_model(ModelName=name)
for one in s3.list_objects_v2(Bucket=name)["Contents"]:
    s3.delete_object(Bucket=name, Key=one["Key"])
s3.delete_bucket(Bucket=name)
print("removed")
