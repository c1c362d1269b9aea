"""A processing script: splits a table into two parts."""

import argparse
import os

import pandas as pd
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--test-share", type=float)
arguments = parser.parse_args()
table = pd.read_csv("/opt/ml/processing/input/claims.csv", header=None)
parts = dict(zip(("train", "test"), train_test_split(table, test_size=arguments.test_share), strict=True))
for name, part in parts.items():
    part.to_csv(os.path.join("/opt/ml/processing", name, f"{name}.csv"), header=False, index=False)
print("rows", len(table), "columns", table.shape[1])
