"""Programs that cluster and project, written against AWS's documentation."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from potager.images.algorithm import ndarray
from tests.clients.road import ROLE, WAIT, Road, wait_for_job

ACCOUNT = "382416733822.dkr.ecr.us-east-1.amazonaws.com"


class Unlabelled(Road):
    """A road of an algorithm that learns without labels: two heaps of rows, one about 0 and one about 20."""

    def __init__(self, server: Any, image: str) -> None:
        super().__init__(server)
        self.image = f"{ACCOUNT}/{image}:1"
        random = np.random.default_rng(0)
        self.rows = np.round(random.normal(size=(200, 3)) * [1, 2, 3] + 20 * (np.arange(200) % 2)[:, None], 3)
        self.put("rows/part.csv", self.csv(self.rows))

    @staticmethod
    def csv(rows: np.ndarray) -> str:
        return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist())

    def fit(self, **hyperparameters: str) -> dict[str, Any]:
        """A training job once it has ended."""
        name = f"{self.prefix}-job"
        self.sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification={"TrainingImage": self.image, "TrainingInputMode": "File"},
            RoleArn=ROLE,
            HyperParameters=hyperparameters,
            InputDataConfig=[self.channel(name, "rows/", "text/csv;label_size=0") for name in ("train", "test")],
            OutputDataConfig={"S3OutputPath": f"s3://{self.bucket}/output/"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            StoppingCondition={"MaxRuntimeInSeconds": 600},
        )
        return wait_for_job(self.sagemaker, name)

    def model(self, name: str, job: dict[str, Any], **more: Any) -> str:
        container = {"Image": self.image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
        model = f"{self.prefix}-{name}"
        self.sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=ROLE, **more)
        return model

    def artifact(self, job: dict[str, Any], folder: Path) -> dict[str, np.ndarray]:
        """The arrays of `model_algo-1`."""
        key = job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
        with tarfile.open(fileobj=io.BytesIO(self.object(key)), mode="r:gz") as tar:
            tar.extractall(folder, filter="data")
        return ndarray.load(folder / "model_algo-1")

    def object(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def ask(self, job: dict[str, Any], rows: np.ndarray) -> Any:
        """What an endpoint answers in JSON."""
        endpoint = self.deploy(job, "asked")
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, ContentType="text/csv", Body=self.csv(rows))
        seen = json.loads(answer["Body"].read())
        self.delete(endpoint)
        return seen

    def transform(self, job: dict[str, Any]) -> str:
        """What a batch transform of all rows leaves."""
        name = f"{self.prefix}-transform"
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{self.bucket}/rows/"}}
        self.sagemaker.create_transform_job(
            TransformJobName=name,
            ModelName=self.model("transformed", job),
            TransformInput={"DataSource": source, "ContentType": "text/csv", "SplitType": "Line"},
            TransformOutput={"S3OutputPath": f"s3://{self.bucket}/told/", "Accept": "text/csv", "AssembleWith": "Line"},
            TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        )
        self.sagemaker.get_waiter("transform_job_completed_or_stopped").wait(TransformJobName=name, WaiterConfig=WAIT)
        return self.object("told/part.csv.out").decode()


def test_kmeans_goes_from_rows_to_clusters_by_endpoint_and_by_batch(server: Any, tmp_path: Path) -> None:
    road = Unlabelled(server, "kmeans")
    job = road.fit(k="2", feature_dim="3", eval_metrics='["msd","ssd"]')
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["test:ssd"] / 200 - metrics["test:msd"] < 1e-3
    centers = road.artifact(job, tmp_path)["0"]
    assert sorted(np.round(centers.mean(axis=1)).tolist()) == [0, 20]
    seen = road.ask(job, road.rows[:2])["predictions"]
    assert [centers[int(one["closest_cluster"])].mean() > 10 for one in seen] == [False, True]
    for row, one in zip(road.rows, seen, strict=False):
        assert abs(one["distance_to_cluster"] - np.linalg.norm(centers - row, axis=1).min()) < 1e-4
    told = [line.split(",") for line in road.transform(job).split()]
    assert len(told) == 200
    assert [float(cluster) for cluster, _ in told[:2]] == [one["closest_cluster"] for one in seen]


def test_a_k_above_the_number_of_rows_fails_the_job_with_its_reason(server: Any) -> None:
    job = Unlabelled(server, "kmeans").fit(k="201", feature_dim="3")
    assert job["TrainingJobStatus"] == "Failed"
    assert "'k' is 201, but channel 'train' has 200 rows" in job["FailureReason"]


def test_pca_goes_from_rows_to_projections_by_endpoint_and_by_batch(server: Any, tmp_path: Path) -> None:
    road = Unlabelled(server, "pca")
    job = road.fit(num_components="2", feature_dim="3", mini_batch_size="100")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert 0.9 < metrics["test:explained_variance_ratio"] < 1
    found = road.artifact(job, tmp_path)
    assert found["mean"][0].tolist() == np.float32(road.rows.mean(axis=0)).tolist()
    assert found["s"][1] > found["s"][0]
    wanted = (road.rows - found["mean"]) @ found["v"]
    seen = [one["projection"] for one in road.ask(job, road.rows[:2])["projections"]]
    assert np.allclose(seen, wanted[:2], atol=1e-4)
    told = [[float(cell) for cell in line.split(",")] for line in road.transform(job).split()]
    assert np.allclose(told, wanted, atol=1e-4)
