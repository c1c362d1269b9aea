"""Fits a line on every host at once; the hosts' gradients are averaged by torch.distributed."""

import argparse
import os
import sys

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int)
steps = parser.parse_args().steps

dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
model = DistributedDataParallel(torch.nn.Linear(2, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = torch.Generator().manual_seed(rank)
for _ in range(steps):
    x = torch.randn(32, 2, generator=data)
    loss = ((model(x) - x @ torch.tensor([[3.0], [-2.0]])) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"rank {rank} of {size} learnt {[round(weight, 2) for weight in model.module.weight[0].tolist()]}")
torch.save(model.module.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], f"{os.environ['SM_CURRENT_HOST']}.pth"))
dist.barrier()
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # torch 2.13 aborts now and then while its interpreter takes itself apart
