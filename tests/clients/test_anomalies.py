"""The algorithms that find what is odd, through boto3: trained, deployed, asked, and over a file in a transform job."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.clients.road import ROLE, WAIT, wait_for_job

REGISTRY = "382416733822.dkr.ecr.us-east-1.amazonaws.com"


class Anomalies:
    """A bucket and one algorithm."""

    def __init__(self, server: Any, algorithm: str) -> None:
        self.image, self.name = f"{REGISTRY}/{algorithm}:1", f"odd-{algorithm}-{random.randrange(10**9)}"
        self.s3, self.sagemaker = server.client("s3"), server.client("sagemaker")
        self.runtime = server.client("sagemaker-runtime")
        self.s3.create_bucket(Bucket=self.name)

    def put(self, key: str, text: str) -> None:
        self.s3.put_object(Bucket=self.name, Key=key, Body=text)

    def train(self, hyperparameters: dict[str, str], channels: dict[str, str], mode: str = "File") -> dict[str, Any]:
        """A job that has ended; `channels`: the content type of each."""
        job = f"{self.name}-{mode.lower()}"
        self.sagemaker.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={"TrainingImage": self.image, "TrainingInputMode": mode},
            RoleArn=ROLE,
            HyperParameters=hyperparameters,
            InputDataConfig=[
                {
                    "ChannelName": channel,
                    "ContentType": content_type,
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix",
                            "S3Uri": f"s3://{self.name}/{channel}/",
                            "S3DataDistributionType": "ShardedByS3Key" if channel == "train" else "FullyReplicated",
                        }
                    },
                }
                for channel, content_type in channels.items()
            ],
            OutputDataConfig={"S3OutputPath": f"s3://{self.name}/output/"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )
        return wait_for_job(self.sagemaker, job)

    def deploy(self, job: dict[str, Any]) -> None:
        """A model and an endpoint in service, both of the bucket's name."""
        container = {"Image": self.image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
        self.sagemaker.create_model(ModelName=self.name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {"VariantName": "A", "ModelName": self.name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        self.sagemaker.create_endpoint_config(EndpointConfigName=self.name, ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        self.sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=self.name, WaiterConfig=WAIT)

    def ask(self, body: str, content_type: str = "text/csv", accept: str = "application/json") -> bytes:
        answer = self.runtime.invoke_endpoint(
            EndpointName=self.name, ContentType=content_type, Accept=accept, Body=body
        )
        return answer["Body"].read()

    def transform(self, key: str) -> list[Any]:
        """The answers to a file's lines, as JSON lines."""
        self.sagemaker.create_transform_job(
            TransformJobName=self.name,
            ModelName=self.name,
            TransformInput={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.name}/{key}"}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            TransformOutput={
                "S3OutputPath": f"s3://{self.name}/out",
                "Accept": "application/jsonlines",
                "AssembleWith": "Line",
            },
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        waiter = self.sagemaker.get_waiter("transform_job_completed_or_stopped")
        waiter.wait(TransformJobName=self.name, WaiterConfig=WAIT)
        out = self.s3.get_object(Bucket=self.name, Key=f"out/{key.rsplit('/', 1)[-1]}.out")["Body"].read()
        return [json.loads(line) for line in out.splitlines() if line]

    def close(self) -> None:
        self.sagemaker.delete_endpoint(EndpointName=self.name)
        self.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=self.name, WaiterConfig=WAIT)


def test_random_cut_forest_goes_the_whole_road(server: Any) -> None:
    source, odd = random.Random(0), Anomalies(server, "randomcutforest")
    rows = [[source.gauss(0, 1) for _ in range(3)] for _ in range(600)]
    for place in range(0, 600, 100):
        rows[place] = [8.0, -8.0, 8.0]
    lines = [",".join(f"{value:.4f}" for value in row) for row in rows]
    odd.put("train/rows.csv", "\n".join(lines))
    odd.put("test/rows.csv", "\n".join(f"{int(place % 100 == 0)},{line}" for place, line in enumerate(lines)))
    odd.put("asked.csv", "\n".join(lines))
    given = {"feature_dim": "3", "num_trees": "50", "num_samples_per_tree": "100"}
    types = {"train": "text/csv;label_size=0", "test": "text/csv;label_size=1"}
    job = odd.train(given, types)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}["test:f1"] > 0.8
    piped = odd.train(given, types, "Pipe")
    assert piped["TrainingJobStatus"] == "Completed", piped.get("FailureReason")
    odd.deploy(job)
    scores = json.loads(odd.ask("\n".join(lines[:3])))["scores"]
    assert scores[0]["score"] > 2 * scores[1]["score"]
    assert json.loads(odd.ask('{"instances": [{"features": [8, -8, 8]}]}', "application/json"))["scores"] == scores[:1]
    transformed = odd.transform("asked.csv")
    assert transformed[:3] == scores
    assert len(transformed) == 600
    odd.close()


def test_ip_insights_goes_the_whole_road(server: Any) -> None:
    source, odd = random.Random(0), Anomalies(server, "ipinsights")

    def logins(each: int) -> str:
        return "".join(f"user_{who}, 10.{who}.0.{source.randrange(256)}\n" for who in range(20) for _ in range(each))

    odd.put("train/logins.csv", logins(20))
    odd.put("validation/logins.csv", logins(5))
    odd.put("asked.csv", "user_3, 10.3.0.7\nuser_3, 10.4.0.7\nnobody, 10.3.0.7\n")
    given = {"num_entity_vectors": "1000", "vector_dim": "16", "epochs": "3", "learning_rate": "0.01"}
    job = odd.train(given, {"train": "text/csv", "validation": "text/csv"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}
    assert metrics["validation:discriminator_auc"] > 0.9
    odd.deploy(job)
    own, strange, nobody = json.loads(odd.ask("user_3, 10.3.0.7\nuser_3, 10.4.0.7\nnobody, 10.3.0.7"))["predictions"]
    assert own["dot_product"] > 0 > strange["dot_product"]
    assert nobody == {"dot_product": 0.0}
    told = json.loads(odd.ask("user_3, 10.3.0.7", accept="application/json;verbose=True"))["predictions"][0]
    assert len(told["ip_embedding"]) == len(told["entity_embedding"]) == 16
    signs = [one["dot_product"] > 0 for one in odd.transform("asked.csv")]
    assert signs == [True, False, False]
    odd.close()
