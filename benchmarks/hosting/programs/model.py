"""The models as the other programs call them: `predict(rows) -> list of scores`. ENGINE is `xgboost` or `pipeline`."""

import os

import numpy as np


def load():
    """The function that scores rows."""
    folder = os.environ["MODELS"]
    if os.environ["ENGINE"] == "pipeline":
        import joblib
        import pandas as pd

        columns = os.environ["COLUMNS"].split(",")
        pipeline = joblib.load(f"{folder}/pipeline.joblib")
        return lambda rows: pipeline.predict(pd.DataFrame(rows, columns=columns)).tolist()
    import xgboost

    booster = xgboost.Booster(model_file=f"{folder}/xgboost-model.json")
    booster.set_param({"nthread": 1})
    return lambda rows: booster.inplace_predict(np.array(rows, np.float32)).tolist()
