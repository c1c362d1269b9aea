"""What an SDK user brings to SKLearn(entry_point=...)."""

import argparse
import os

import joblib
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max-leaf-nodes", type=int, default=-1)
    parser.add_argument("--criterion", type=str)
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()

    data = pd.concat([pd.read_csv(os.path.join(args.train, name), header=None) for name in os.listdir(args.train)])
    labels, features = data.iloc[:, 0], data.iloc[:, 1:]
    tree = DecisionTreeClassifier(max_leaf_nodes=args.max_leaf_nodes, criterion=args.criterion)
    tree.fit(features.values, labels)
    print(f"train-accuracy={tree.score(features.values, labels):.4f};")
    joblib.dump(tree, os.path.join(args.model_dir, "model.joblib"))
