"""What an SDK user brings to XGBoost(entry_point=...): training, and the function that loads its model."""

import argparse
import os
import pickle

import numpy as np
import xgboost as xgb


def model_fn(model_dir):
    with open(os.path.join(model_dir, "xgboost-model"), "rb") as file:
        return pickle.load(file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_depth", type=int)
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--objective", type=str)
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()

    rows = np.loadtxt(os.path.join(args.train, "train.csv"), delimiter=",")
    cut = len(rows) * 2 // 3
    train, validation = (xgb.DMatrix(part[:, 1:], part[:, 0]) for part in (rows[:cut], rows[cut:]))
    parameters = {"max_depth": args.max_depth, "objective": args.objective, "eval_metric": ["auc", "logloss"]}
    watched = [(train, "train"), (validation, "validation")]
    booster = xgb.train(parameters, train, args.num_round, evals=watched)
    with open(os.path.join(os.environ["SM_MODEL_DIR"], "xgboost-model"), "wb") as file:
        pickle.dump(booster, file)
