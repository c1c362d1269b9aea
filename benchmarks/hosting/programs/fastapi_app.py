"""What an engineer writes by hand: FastAPI, and the model in its process. ENGINE is `xgboost`, `onnx` or `pipeline`."""

import io
import os

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

FOLDER, ENGINE = os.environ["MODELS"], os.environ["ENGINE"]
app = FastAPI()

if ENGINE == "pipeline":
    import joblib
    import pandas as pd

    columns = os.environ["COLUMNS"].split(",")
    model = joblib.load(f"{FOLDER}/pipeline.joblib")

    def predict(rows):
        return model.predict(pd.DataFrame(rows, columns=columns))

    def parse(text):
        return pd.read_csv(io.StringIO(text), names=columns).to_numpy().tolist()

else:
    import xgboost

    booster = xgboost.Booster(model_file=f"{FOLDER}/xgboost-model.json")
    booster.set_param({"nthread": 1})

    def parse(text):
        return [[float(cell) for cell in line.split(",")] for line in text.splitlines()]

    if ENGINE == "onnx":
        import onnxruntime
        from onnxmltools import convert_xgboost
        from onnxmltools.convert.common.data_types import FloatTensorType

        made = convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, 20]))])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])

        def predict(rows):
            return session.run(["probabilities"], {"x": np.array(rows, np.float32)})[0][:, 1]

    else:

        def predict(rows):
            return booster.inplace_predict(np.array(rows, np.float32))


@app.post("/csv")
async def csv(request: Request):
    scores = predict(parse((await request.body()).decode()))
    return PlainTextResponse("\n".join(map(str, scores.tolist())))


@app.post("/json")
async def json(request: Request):
    return {"predictions": predict((await request.json())["instances"]).tolist()}
