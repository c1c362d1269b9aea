"""An ordinary SDK v2 program that tunes the algorithms that its arguments name, and deploys the best model of each.

All tuning jobs are started before the first is waited for. Prints {repository: what it saw} as JSON on its last line.
"""

import json
import sys
import time

import numpy as np
import sagemaker
from sagemaker import KNN, FactorizationMachines, IPInsights, KMeans, LinearLearner, RandomCutForest
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.image_uris import retrieve
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter

session = sagemaker.Session()
random = np.random.default_rng(0)
labels = (np.arange(400) % 2).astype("float32")
features = (random.normal(size=(400, 4)) + 3 * labels[:, None]).astype("float32")
asked, known = features[300:], labels[300:]
common = {
    "role": sagemaker.get_execution_role(),
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "sagemaker_session": session,
}


def uploaded(name, lines):
    return session.upload_string_as_file_body(lines, session.default_bucket(), f"tuners/{name}.csv")


def records(estimator, channel, **more):
    """Record sets of the estimator: 300 rows to train on, 100 of another channel."""
    given = estimator.record_set(features[:300], labels=labels[:300])
    return [given, estimator.record_set(asked, labels=known, channel=channel, **more)]


def table(name, part):
    lines = "\n".join(
        ",".join(map(str, [int(label), *row])) for label, row in zip(labels[part], features[part], strict=True)
    )
    return TrainingInput(uploaded(name, lines), content_type="text/csv")


def logins(channel, count):
    lines = [f"user_{who},10.{who}.0.{random.integers(256)}" for who in range(20) for _ in range(count)]
    uri = uploaded(f"logins/{channel}", "\n".join(lines))
    return RecordSet(uri, num_records=len(lines), feature_dim=2, s3_data_type="S3Prefix", channel=channel)


def trees(image, **hyperparameters):
    return Estimator(image_uri=image, hyperparameters=hyperparameters, **common)


def rows():
    return {"train": table("train", slice(300)), "validation": table("validation", slice(300, 400))}


def plain(name):
    """The image of ours that has this name."""
    return f"{session.account_id()}.dkr.ecr.{session.boto_region_name}.amazonaws.com/{name}:1"


def linear_learner():
    estimator = LinearLearner(predictor_type="binary_classifier", epochs=2, num_models=2, **common)
    ranges = {"wd": ContinuousParameter(1e-5, 1e-2, "Logarithmic"), "use_bias": CategoricalParameter(["true", "false"])}
    return estimator, "Minimize", "validation:objective_loss", ranges, records(estimator, "validation")


def kmeans():
    estimator = KMeans(k=2, **common)
    ranges = {
        "init_method": CategoricalParameter(["random", "kmeans++"]),
        "mini_batch_size": IntegerParameter(100, 300),
    }
    return estimator, "Minimize", "test:msd", ranges, records(estimator, "test")


def knn():
    estimator = KNN(k=3, sample_size=300, predictor_type="classifier", **common)
    ranges = {"k": IntegerParameter(1, 9), "sample_size": IntegerParameter(256, 300)}
    return estimator, "Maximize", "test:accuracy", ranges, records(estimator, "test")


def factorization_machines():
    estimator = FactorizationMachines(num_factors=2, predictor_type="binary_classifier", epochs=10, **common)
    ranges = {"linear_lr": ContinuousParameter(0.01, 0.1), "mini_batch_size": IntegerParameter(100, 200)}
    return estimator, "Maximize", "test:binary_classification_accuracy", ranges, records(estimator, "test")


def randomcutforest():
    estimator = RandomCutForest(eval_metrics=["precision_recall_fscore"], **common)
    ranges = {"num_trees": IntegerParameter(50, 60), "num_samples_per_tree": IntegerParameter(50, 100)}
    return estimator, "Maximize", "test:f1", ranges, records(estimator, "test", distribution="FullyReplicated")


def ipinsights():
    estimator = IPInsights(num_entity_vectors=1000, vector_dim=16, epochs=2, **common)
    ranges = {"vector_dim": IntegerParameter(8, 32), "learning_rate": ContinuousParameter(0.001, 0.1)}
    return estimator, "Maximize", "validation:discriminator_auc", ranges, [logins("train", 20), logins("validation", 5)]


def xgboost():
    image = retrieve("xgboost", "us-east-1", "1.7-1")
    estimator = trees(image, objective="binary:logistic", num_round=5, eval_metric="auc")
    ranges = {"eta": ContinuousParameter(0.1, 0.5), "max_depth": IntegerParameter(1, 4)}
    return estimator, "Maximize", "validation:auc", ranges, rows()


def lightgbm():
    estimator = trees(plain("lightgbm"), num_boost_round=5, metric="auc")
    ranges = {"num_leaves": IntegerParameter(10, 20), "num_boost_round": IntegerParameter(3, 9)}
    return estimator, "Maximize", "auc", ranges, rows()


def catboost():
    estimator = trees(plain("catboost"), iterations=5, eval_metric="AUC")
    return estimator, "Maximize", "AUC", {"depth": IntegerParameter(4, 6)}, rows()


def started(algorithm):
    estimator, kind, metric, ranges, inputs = algorithm()
    tuner = HyperparameterTuner(
        estimator,
        metric,
        ranges,
        # As AWS's notebooks have it, where LightGBM is a script.
        [{"Name": "auc", "Regex": r"auc: ([0-9\.]+)"}] if metric == "auc" else None,
        objective_type=kind,
        strategy="Random",
        max_jobs=2,
        max_parallel_jobs=2,
    )
    tuner.fit(inputs, wait=False)
    return tuner


def answered(name, predictor):
    """The answers of an endpoint: one for each row that was asked."""
    if name in ("xgboost", "lightgbm", "catboost"):
        predictor.serializer, predictor.deserializer = CSVSerializer(), CSVDeserializer()
        if name != "xgboost":
            predictor.deserializer = JSONDeserializer()
        answer = predictor.predict(asked)
        return [float(cell) for cell in answer[0]] if name == "xgboost" else answer["probabilities"]
    if name == "ipinsights":
        answer = predictor.predict(np.array([["user_3", "10.3.0.9"], ["user_3", "10.4.0.9"]]))
        return [one["dot_product"] for one in answer["predictions"]]
    field = {"kmeans": "closest_cluster", "randomcutforest": "score"}.get(name, "predicted_label")
    return [record.label[field].float32_tensor.values[0] for record in predictor.predict(asked)]


ALGORITHMS = [
    *(linear_learner, kmeans, knn),
    *(factorization_machines, randomcutforest, ipinsights),
    *(xgboost, lightgbm, catboost),
]
by_name = {algorithm.__name__.replace("_", "-"): algorithm for algorithm in ALGORITHMS}
tuners = {name: started(by_name[name]) for name in sys.argv[1:]}
seen, predictors = {}, {}
for name, tuner in tuners.items():
    while (job := tuner.describe())["HyperParameterTuningJobStatus"] == "InProgress":
        time.sleep(0.2)
    frame = tuner.analytics().dataframe()
    best = tuner.best_estimator()
    predictors[name] = best.deploy(initial_instance_count=1, instance_type="ml.m5.large", wait=False)
    values, kind = frame["FinalObjectiveValue"], tuner.objective_type
    chosen = values[frame["TrainingJobName"] == tuner.best_training_job()].item()
    seen[name] = {
        "status": job["HyperParameterTuningJobStatus"],
        "rows": len(frame),
        "best_is_best": bool(chosen == (values.max() if kind == "Maximize" else values.min())),
        "tuned": [each["Name"] for ranges in tuner.hyperparameter_ranges().values() for each in ranges],
        "columns": list(frame.columns),
        "estimator": type(best).__name__,
    }
for name, predictor in predictors.items():
    session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # deploy itself would look every 30 seconds
    seen[name]["answers"] = answered(name, predictor)
    predictor.delete_model()
    predictor.delete_endpoint()
seen["known"] = known.tolist()
print()  # the SDK ends its line of dashes without a line feed
print(json.dumps(seen))
