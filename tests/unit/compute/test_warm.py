"""Which scripts may be run by a worker that has their libraries imported already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from potager.compute.process import warm
from potager.compute.workload import Workload

WORK = Workload("w", Path("/w"), "", Path("/log"), warm=("json",), environment={"SM_HPS": "{}", "PYTHONPATH": "/c"})
SCRIPT = ["python", "train.py", "--depth", "3"]


def test_a_script_on_the_server_s_own_packages_fits() -> None:
    assert warm.fits(WORK, SCRIPT)


@pytest.mark.parametrize(
    "changes",
    [
        {"warm": ()},
        {"warm": ("json", "no_such_module_here")},
        {"requirements": Path("/w/ml/code/requirements.txt")},
        {"package": Path("/w/ml/code")},
        {"environment": {"PYTHONHASHSEED": "0"}},
        {"environment": {"OMP_NUM_THREADS": "1"}},
        {"environment": {"HF_HOME": "/opt/ml/cache"}},
    ],
)
def test_what_would_come_out_otherwise_does_not_fit(changes: dict[str, object]) -> None:
    assert not warm.fits(replace(WORK, **changes), SCRIPT)  # type: ignore[arg-type]


@pytest.mark.parametrize("argv", [["python"], ["python", "-m", "train"], ["torchrun", "train.py"], ["/bin/sh", "x.py"]])
def test_what_is_no_script_does_not_fit(argv: list[str]) -> None:
    assert not warm.fits(WORK, argv)


def test_a_workload_keeps_what_it_wants_warm_in_its_note() -> None:
    assert Workload.loads(WORK.dumps()).warm == ("json",)
