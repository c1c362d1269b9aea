"""Saves a model as MLflow keeps it: `python mlflow_save.py FOLDER`."""

import os
import sys

import mlflow

if os.environ["ENGINE"] == "pipeline":
    import joblib

    class Scores(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            self.pipeline = joblib.load(context.artifacts["pipeline"])

        def predict(self, context, model_input, params=None):
            return self.pipeline.predict(model_input)

    path = os.environ["MODELS"] + "/pipeline.joblib"
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Scores(), artifacts={"pipeline": path}, pip_requirements=[])
else:
    import xgboost

    booster = xgboost.Booster(model_file=os.environ["MODELS"] + "/xgboost-model.json")
    mlflow.xgboost.save_model(booster, sys.argv[1], pip_requirements=[])
