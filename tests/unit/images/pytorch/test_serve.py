"""PyTorch's defaults where a script has no function, as AWS's toolkit has them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from potager.images.python.errors import BrokenModel, ScriptFailed
from potager.images.pytorch.serve import load


class Halved(torch.nn.Module):
    """Adds a row up; drops half of it while it trains."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.drop(rows).sum(dim=-1)


def scripted(folder: Path, name: str = "model.pt") -> Path:
    folder.mkdir(exist_ok=True)
    torch.jit.script(Halved()).save(str(folder / name))
    return folder


def test_torchscript_answers_without_a_script_in_evaluation_mode(tmp_path: Path) -> None:
    predictor = load(scripted(tmp_path))
    assert predictor.predict(b"1,2\n3,4", "text/csv", "text/csv") == (b"3.0\n7.0\n", "text/csv")
    assert json.loads(predictor.predict(b"[[1, 2], [3, 4]]", "application/json", "")[0]) == [3, 7]
    stream = io.BytesIO()
    np.save(stream, np.array([[1.0, 2.0]]))
    body, _ = predictor.predict(stream.getvalue(), "application/x-npy", "application/x-npy")
    assert np.load(io.BytesIO(body)).tolist() == [3]


def test_the_only_file_of_its_kind_is_the_model(tmp_path: Path) -> None:
    assert json.loads(load(scripted(tmp_path, "net.pth")).predict(b"[[1, 2]]", "", "")[0]) == [3]
    scripted(tmp_path, "other.pth")
    with pytest.raises(BrokenModel, match=r"it holds net\.pth, other\.pth\. Write model_fn"):
        load(tmp_path)


@pytest.mark.parametrize("content", ["state_dict", "garbage"])
def test_what_is_no_torchscript_asks_for_a_model_fn(tmp_path: Path, content: str) -> None:
    if content == "state_dict":
        torch.save({"weight": torch.zeros(2)}, tmp_path / "model.pth")
    else:
        (tmp_path / "model.pth").write_bytes(b"no model")
    with pytest.raises(BrokenModel, match=r"model\.pth is not TorchScript: .*Write|write model_fn"):
        load(tmp_path)


def test_an_empty_artifact_says_what_it_must_hold(tmp_path: Path) -> None:
    with pytest.raises(BrokenModel, match=r"must hold model\.pt.*it holds none"):
        load(tmp_path)


def test_a_script_loads_what_it_knows_and_the_defaults_do_the_rest(write: Callable[..., Path]) -> None:
    model = write("""
import os
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(2, 1, bias=False)

    def forward(self, rows):
        assert not torch.is_grad_enabled() and not self.training
        return {"sum": self.linear(rows)[:, 0], "rows": [len(rows)]}

def model_fn(model_dir):
    net = Net()
    net.load_state_dict(torch.load(os.path.join(model_dir, "weights.pth"), weights_only=True))
    return net
""")
    torch.save({"linear.weight": torch.tensor([[1.0, 10.0]])}, model / "weights.pth")
    assert json.loads(load(model).predict(b"1,2\n3,4", "text/csv", "")[0]) == {"sum": [21, 43], "rows": [2]}


def test_a_failure_of_the_model_is_in_the_log(tmp_path: Path, capfd: Any) -> None:
    class Wide(torch.nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return rows @ torch.ones(3)

    torch.jit.script(Wide()).save(str(tmp_path / "model.pt"))
    with pytest.raises(ScriptFailed, match="RuntimeError"):
        load(tmp_path).predict(b"1,2", "text/csv", "")
    assert "Traceback" in capfd.readouterr().err
