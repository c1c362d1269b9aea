"""An ordinary SDK v2 program: nothing in it knows Potager. Prints what it saw as JSON on its last line."""

import io
import json

import numpy as np
import sagemaker
from sagemaker import FactorizationMachines, serializer_utils
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.record_pb2 import Record

session = sagemaker.Session()
random = np.random.default_rng(0)
who, what = random.integers(0, 20, 3000), random.integers(0, 20, 3000)
likes = ((who % 2) == (what % 2)).astype("float32")  # nothing but the pair says it
rows = np.zeros((3000, 40), dtype="float32")
rows[np.arange(3000), who] = 1
rows[np.arange(3000), 20 + what] = 1


def machine(**more):
    return FactorizationMachines(
        role=sagemaker.get_execution_role(),
        instance_count=1,
        instance_type="ml.m5.large",
        num_factors=4,
        predictor_type="binary_classifier",
        epochs=30,
        factors_lr=0.02,
        factors_init_sigma=0.1,
        sagemaker_session=session,
        **more,
    )


def fitted(estimator, *channels):
    estimator.fit(list(channels), mini_batch_size=100, wait=False)
    name = estimator.latest_training_job.name
    session.wait_for_job(name, poll=1)  # fit itself would look every 30 seconds
    job = session.sagemaker_client.describe_training_job(TrainingJobName=name)
    return {one["MetricName"]: one["Value"] for one in job["FinalMetricDataList"]}


def sparse_channel(name, part):
    buffer = io.BytesIO()
    for row, label in zip(rows[part], likes[part], strict=True):  # as write_spmatrix_to_sparse_tensor, without scipy
        record = Record()
        serializer_utils._write_feature_tensor("Float32", record, row[row != 0])
        serializer_utils._write_keys_tensor("Float32", record, np.flatnonzero(row).astype("uint64"))
        serializer_utils._write_label_tensor("Float32", record, label)
        serializer_utils._write_shape("Float32", record, 40)
        serializer_utils._write_recordio(buffer, record.SerializeToString())
    key = f"sparse/{name}/part.pbr"
    session.boto_session.resource("s3").Object(session.default_bucket(), key).put(Body=buffer.getvalue())
    uri = f"s3://{session.default_bucket()}/sparse/{name}"
    count = part.stop - part.start
    return RecordSet(uri, num_records=count, feature_dim=40, s3_data_type="S3Prefix", channel=name)


train, test = slice(0, 2500), slice(2500, 3000)
sparse = machine(base_job_name="sparse")
by_sparse = fitted(sparse, sparse_channel("train", train), sparse_channel("test", test))
dense = machine(base_job_name="dense")
by_dense = fitted(
    dense,
    dense.record_set(rows[train], labels=likes[train]),
    dense.record_set(rows[test], labels=likes[test], channel="test"),
)
predictor = sparse.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
records = predictor.predict(rows[test])
predicted = [record.label["predicted_label"].float32_tensor.values[0] for record in records]
predictor.delete_model()
predictor.delete_endpoint()
print()  # the SDK ends its line of dashes without a line feed
print(
    json.dumps(
        {
            "image": sparse.training_image_uri(),
            "sparse": by_sparse,
            "dense": by_dense,
            "accuracy": float(np.mean(np.array(predicted) == likes[test])),
        }
    )
)
