"""What SDK v2 says of our images: their URIs in its versions and regions, and what its classes send.

Prints JSON on its last line: `uris`, {framework: [uri]}, and `sent`, {repository: {hyperparameter: [string]}}.
"""

import json
import re
from collections import deque

import sagemaker
from sagemaker import KNN, PCA, FactorizationMachines, IPInsights, KMeans, LinearLearner, RandomCutForest
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.hyperparameter import Hyperparameter
from sagemaker.image_uris import config_for_framework, retrieve

regions = deque(["us-east-1", "eu-central-1", "ap-southeast-2", "sa-east-1", "cn-north-1", "us-gov-west-1"])
NUMBERS = [
    *(-1, 0, 1, 2, 3, 4, 7, 10, 50, 99, 100, 500, 1000, 2048, 4096, 10**4, 10**6),
    *(1e-9, 1e-6, 1e-4, 0.05, 0.5, 0.999, 1.5),
]
"""Values to try each number with; the class's own validators say which it takes."""


def uris(framework):
    """The images of a framework, for training and for inference, in its ten newest versions, each in some region."""
    config = config_for_framework(framework)
    for scope in ("training", "inference"):
        for version, known in list(config.get(scope, config)["versions"].items())[-10:]:
            python = (known.get("py_versions") or ["py3"])[-1]
            region = next((each for each in regions if each in known.get("registries", ())), None)
            if region:
                yield retrieve(
                    framework, region, version, py_version=python, image_scope=scope, instance_type="ml.m5.large"
                )
            regions.rotate()


def candidates(parameter):
    """Values to try a hyperparameter with: the words that its validators or its message name, or numbers."""
    expected = [cell.cell_contents for each in parameter.validation for cell in getattr(each, "__closure__", 0) or ()]
    words = [word for each in expected if isinstance(each, tuple) for word in each]
    words = words or re.findall(r"""["'](\w+)["']""", parameter.validation_message)
    if parameter.data_type is list:
        return [*([word] for word in words), words]
    if parameter.data_type is bool:
        return [True, False]
    if parameter.data_type is str:
        return words if any(isinstance(each, tuple) for each in expected) else [*words, "7"]
    return [number for number in NUMBERS if number == parameter.data_type(number)]


def taken(parameter):
    """The strings that the class sends of the values that it takes."""
    for value in candidates(parameter):
        holder = type("Holder", (), {})()
        try:
            parameter.__set__(holder, value)
        except ValueError:
            continue
        yield Hyperparameter.serialize_all(holder)[parameter.name]


def sent(estimator):
    """What a class may send, by the names of the hyperparameters."""
    found = {}
    for kind in type(estimator).__mro__:
        for parameter in vars(kind).values():
            if isinstance(parameter, Hyperparameter):
                found[parameter.name] = list(taken(parameter))
    estimator._prepare_for_training(RecordSet("s3://b/k", num_records=10**6, feature_dim=8))
    for name, value in estimator.hyperparameters().items():
        found.setdefault(name, []).append(value)
    return found


common = {
    "role": "arn:aws:iam::000000000000:role/r",
    "instance_count": 1,
    "instance_type": "ml.m5.large",
    "sagemaker_session": sagemaker.Session(),
}
estimators = [
    FactorizationMachines(num_factors=4, predictor_type="regressor", **common),
    IPInsights(num_entity_vectors=100, vector_dim=16, **common),
    KMeans(k=3, **common),
    KNN(k=3, sample_size=100, predictor_type="regressor", **common),
    LinearLearner(predictor_type="regressor", **common),
    PCA(num_components=3, **common),
    RandomCutForest(**common),
]
frameworks = [each.repo_name for each in estimators]
frameworks += ["pytorch", "sklearn", "tensorflow", "xgboost"]
print(
    json.dumps(
        {
            "uris": {name: list(uris(name)) for name in frameworks},
            "sent": {each.repo_name: sent(each) for each in estimators},
        }
    )
)
