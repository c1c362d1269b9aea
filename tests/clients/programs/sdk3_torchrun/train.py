"""What torchrun starts twice: the processes find each other and add up what each brings."""

import argparse
import json
import os
import pathlib
import sys

import torch
import torch.distributed as dist

parser = argparse.ArgumentParser()
parser.add_argument("--add", type=int)
arguments = parser.parse_args()

dist.init_process_group("gloo")
total = torch.tensor([dist.get_rank() + arguments.add])
dist.all_reduce(total)
if dist.get_rank() == 0:
    told = {"world": dist.get_world_size(), "total": int(total)}
    pathlib.Path(os.environ["SM_MODEL_DIR"], "told.json").write_text(json.dumps(told))
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # torch 2.13 aborts now and then while its interpreter takes itself apart
