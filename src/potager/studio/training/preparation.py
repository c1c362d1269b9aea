"""A table made ready, as a processing job: what the form asks for, and what becomes of the result. Pure.

Fields are texts by name: `name`, `source`, `target`, `problem`, `algorithm`, `validation`, `test` (shares in percent),
`categories`, `levels`, `gaps`, `scale`, `seed`, `output`; `keep.<column>` and `column.<number>` say which columns stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

from potager.images.algorithm.errors import ClientError
from potager.images.tabular.plan import Plan
from potager.images.tabular.seeing import Seen, seen
from potager.studio.training.algorithms import ALGORITHMS, Algorithm

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1.0"
COMMAND = ("python3", "-m", "potager.images.tabular")
PARTS = ("train", "validation", "test")
DEFAULTS = {"validation": "20", "test": "0", "problem": "auto", "levels": "20", "seed": "0"}
_DISTANT = ("knn", "kmeans", "pca")
_TREES = ("sagemaker-xgboost", "lightgbm", "catboost")
_WORDS = {"classes": "classes", "number": "a number"}


def suited(algorithm: Algorithm | None) -> dict[str, str]:
    """What suits an algorithm: trees take gaps as they are, distances want columns of one scale."""
    name = algorithm.repository if algorithm else ""
    fills = "empty" if name in _TREES else "mean"
    kind = "numbers" if name in ("lightgbm", "catboost") else "one-hot"
    return {"gaps": fills, "categories": kind, "scale": "on" if name in _DISTANT else ""}


def plan(form: Mapping[str, str], names: Sequence[str]) -> dict[str, Any]:
    """The plan; `ValueError` or `ClientError` says what cannot be."""
    kept = {name.removeprefix("keep.") for name in form if name.startswith("keep.")}
    target = form.get("target", "")
    made: dict[str, Any] = {
        "target": target,
        "problem": form.get("problem", "auto"),
        "drop": [name for name in names if name not in kept and name != target],
        "shares": {part: _share(form.get(part, ""), part) for part in PARTS[1:]},
        "categories": form.get("categories", "one-hot"),
        "levels": form.get("levels") or "20",
        "gaps": form.get("gaps", "mean"),
        "scale": form.get("scale") == "on",
        "seed": form.get("seed") or "0",
    }
    for name in ("levels", "seed"):
        try:
            made[name] = int(str(made[name]))
        except ValueError:
            raise ClientError(f"'{made[name]}' is no whole number. {name} has to be one.") from None
    Plan.of(made)
    return made


def _share(text: str, part: str) -> float:
    try:
        percent = float(text or "0")
    except ValueError:
        percent = -1.0
    if not 0 <= percent < 100:
        raise ClientError(f"The share of {part} is '{text}', but must be a number of percent from 0 to below 100.")
    return percent / 100


def request(
    form: Mapping[str, str], role: str, home: str, parts: Sequence[str], tags: Mapping[str, str]
) -> dict[str, Any]:
    """CreateProcessingJob's members: the table and its plan in, the parts and the recipe out, below `home`."""
    outputs = [
        {
            "OutputName": part,
            "S3Output": {
                "S3Uri": f"{home}/{part}",
                "LocalPath": f"/opt/ml/processing/output/{part}",
                "S3UploadMode": "EndOfJob",
            },
        }
        for part in (*parts, "recipe")
    ]
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30}
    return {
        "ProcessingJobName": form["name"],
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": list(COMMAND)},
        "ProcessingInputs": [_input("table", form["source"], "input"), _input("plan", f"{home}/plan.json", "plan")],
        "ProcessingOutputConfig": {"Outputs": outputs},
        "ProcessingResources": {"ClusterConfig": cluster},
        "RoleArn": role,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items() if value],
    }


def _input(name: str, uri: str, folder: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": f"/opt/ml/processing/{folder}",
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    return {"InputName": name, "S3Input": source}


def columns(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Seen]:
    """What the columns look like, by the rows that were looked at."""
    return seen(names, [zip_longest(*rows, fillvalue="")])


def outputs(job: Mapping[str, Any]) -> dict[str, str]:
    """Where each output of a job goes, by its name."""
    found = job.get("ProcessingOutputConfig", {}).get("Outputs", ())
    return {one["OutputName"]: one["S3Output"]["S3Uri"] for one in found}


def onward(recipe: Mapping[str, Any], places: Mapping[str, str], algorithm: Algorithm) -> str:
    """The form's parameters for an algorithm that is to learn from what was made."""
    offered = {one.name for one in algorithm.channels if recipe["target"] or not one.labelled}
    asks = {part: f"{places[part]}/{part}.csv" for part in PARTS if part in places and part in offered}
    if "validation" in places and "validation" not in offered and "test" in offered and "test" not in places:
        asks["test"] = f"{places['validation']}/validation.csv"
    given = hyperparameters(recipe, algorithm)
    return urlencode(
        {"algorithm": algorithm.repository, **asks, **{f"hp.{name}": text for name, text in given.items()}}
    )


def hyperparameters(recipe: Mapping[str, Any], algorithm: Algorithm) -> dict[str, str]:
    """What the labels and the number of features say of an algorithm's hyperparameters."""
    classes, width = len(recipe["classes"]), str(len(recipe["features"]))
    found = {algorithm.width: width} if algorithm.width else {}
    kind = "number" if recipe["problem"] == "number" else "binary" if classes == 2 else "multi"
    if recipe["problem"] == "none":
        return found
    match algorithm.repository:
        case "sagemaker-xgboost":
            ways = {"number": "reg:squarederror", "binary": "binary:logistic", "multi": "multi:softprob"}
            metrics = {"number": "rmse", "binary": "auc", "multi": "mlogloss"}
            found |= {"objective": ways[kind], "eval_metric": metrics[kind]}
            found |= {"num_class": str(classes)} if kind == "multi" else {}
            found |= {"early_stopping_rounds": "10"} if "validation" in recipe["rows"] else {}
        case "linear-learner":
            ways = {"number": "regressor", "binary": "binary_classifier", "multi": "multiclass_classifier"}
            found |= {"predictor_type": ways[kind], **({"num_classes": str(classes)} if kind == "multi" else {})}
        case "knn":
            found |= {"predictor_type": "regressor" if kind == "number" else "classifier"}
        case "factorization-machines":
            found |= {"predictor_type": "regressor" if kind == "number" else "binary_classifier"}
        case "lightgbm" | "catboost":
            ways = {"number": "regression", "binary": "binary", "multi": "multiclass"}
            found |= {"objective": ways[kind]}
        case _:
            pass
    rows = recipe["rows"].get("train", 0)
    if "sample_size" in algorithm.given:
        found["sample_size"] = str(max(1, min(rows, int(algorithm.given["sample_size"]))))
    return found


def fitting(recipe: Mapping[str, Any]) -> list[Algorithm]:
    """The algorithms that can learn from what was made."""
    labelled = recipe["problem"] != "none"
    return [
        one
        for one in ALGORITHMS
        if one.labelled == labelled
        and one.repository != "ipinsights"
        and not (recipe["empty_cells"] and one.repository not in _TREES)
        and not (one.repository == "factorization-machines" and len(recipe["classes"]) > 2)
    ]
