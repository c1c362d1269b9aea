"""What an SDK user brings to PyTorch(entry_point=...): training, and the function that loads its model."""

import argparse
import os

import numpy as np
import torch


def net():
    return torch.nn.Linear(2, 1)


def model_fn(model_dir):
    model = net()
    model.load_state_dict(torch.load(os.path.join(model_dir, "weights.pth"), weights_only=True))
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--training", type=str, default=os.environ["SM_CHANNEL_TRAINING"])
    args = parser.parse_args()

    rows = torch.tensor(np.loadtxt(os.path.join(args.training, "train.csv"), delimiter=","), dtype=torch.float32)
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.learning_rate)
    for _ in range(args.epochs):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(rows[:, 1:])[:, 0], rows[:, 0])
        loss.backward()
        optimizer.step()
    print(f"loss={loss.item():.8f}")
    torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "weights.pth"))
    torch.jit.script(model).save(os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
