"""The SDKs' tuners, unchanged, under `potager run`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.clients.test_sdks import ROOT, run


def test_sdk_v2_tunes_deploys_the_best_attaches_and_goes_on(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_tuner.py", tmp_path)
    assert seen["rows"] == 3
    assert seen["best_is_best"]
    assert {"FinalObjectiveValue", "TrainingJobName", "learning_rate", "mini_batch_size"} <= set(seen["columns"])
    assert seen["estimator"] == "LinearLearner"
    assert seen["accuracy"] > 0.9
    assert (seen["attached"], seen["attached_ranges"]) == ("SKLearn", ["depth"])
    assert "hello" in seen["attached_static"]
    assert len(seen["values"]) == 6
    assert seen["overall_value"] == max(seen["values"])
    assert seen["script_of_best"] == "train.py"


def test_sdk_v3_tunes_a_script(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_tuner.py", tmp_path)
    assert (seen["status"], seen["completed"], seen["best"]) == ("Completed", 3, True)
    depth, flat = int(seen["tuned"]["depth"]), "flat" in seen["tuned"]["shape"]
    assert seen["value"] == pytest.approx(depth - 10 * flat)


CLASSES = {
    "linear-learner": "LinearLearner",
    "kmeans": "KMeans",
    "knn": "KNN",
    "factorization-machines": "FactorizationMachines",
    "randomcutforest": "RandomCutForest",
    "ipinsights": "IPInsights",
    "xgboost": "Estimator",
    "lightgbm": "Estimator",
    "catboost": "Estimator",
}


@pytest.mark.parametrize(
    "names",
    [
        ["linear-learner", "kmeans", "knn"],
        ["factorization-machines", "randomcutforest", "ipinsights"],
        ["xgboost", "lightgbm", "catboost"],
    ],
    ids=lambda names: names[0],
)
def test_sdk_v2_tunes_every_algorithm_and_deploys_the_best(tmp_path: Path, names: list[str]) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_tuners.py", tmp_path, *names)
    known = np.array(seen["known"])
    for name in names:
        found = seen[name]
        assert (found["status"], found["rows"], found["best_is_best"]) == ("Completed", 2, True), name
        assert found["estimator"] == CLASSES[name]
        assert found["tuned"], name
        assert set(found["tuned"]) <= set(found["columns"]), name
        answers = np.array(found["answers"])
        if name == "ipinsights":
            assert answers[0] > answers[1]
        elif name == "randomcutforest":
            assert len(answers) == len(known)
            assert np.isfinite(answers).all()
        else:
            right = (np.round(answers) if answers.ndim == 1 else answers.argmax(axis=1)) == known
            assert max(right.mean(), 1 - right.mean() if name == "kmeans" else 0) > 0.9, name


def test_sdk_v2_tunes_several_algorithms_at_once_attaches_goes_on_and_transforms(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk2/bin/python", "sdk2_tuner_of_several.py", tmp_path)
    assert seen["status"] == "Completed"
    assert seen["definitions"] == ["linear", "trees"]
    assert seen["attached"] == {"linear": "LinearLearner", "trees": "Estimator"}
    assert seen["best"] in (["linear", "LinearLearner"], ["trees", "Estimator"])
    assert seen["warm"] == ["IdenticalDataAndAlgorithm", "TransferLearning"]
    assert (seen["parents"], seen["ended"]) == ([1, 2], ["Completed", "Completed"])
    assert seen["accuracy"] > 0.9


def test_sdk_v3_trains_algorithms_tunes_one_and_deploys_the_best(tmp_path: Path) -> None:
    seen = run(ROOT / ".venv/sdk3/bin/python", "sdk3_algorithms.py", tmp_path)
    assert seen["trained"] == dict.fromkeys(["kmeans", "pca", "randomcutforest", "knn"], "Completed")
    assert (seen["tuned"], seen["accuracy"] > 0.9) == (["Completed", 2], True)
