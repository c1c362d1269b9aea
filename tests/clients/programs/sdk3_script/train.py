"""What a data scientist trains with v3's ModelTrainer: told by arguments, variables and files alike."""

import argparse
import json
import os
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--note")
arguments = parser.parse_args()

rows = sorted(path.name for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).iterdir())
pathlib.Path("beside.txt").write_text("a script may write where it stands")
told = {
    "depth": arguments.depth,
    "note": arguments.note,
    "rows": rows,
    "hosts": json.loads(os.environ["SM_HOSTS"]),
    "cwd": os.getcwd(),
}
pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
print(f"train-loss={arguments.depth / 10};")
