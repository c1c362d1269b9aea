"""A script that tells how high it came; nothing in it knows who tunes it."""

import argparse
import os
import pathlib

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
parser.add_argument("--shape")
parser.add_argument("--greeting")
given = parser.parse_args()
assert given.greeting == "hello"
pathlib.Path(os.environ["SM_MODEL_DIR"], "depth.txt").write_text(str(given.depth))
print(f"height={given.depth - 10 * (given.shape == 'flat')};")
