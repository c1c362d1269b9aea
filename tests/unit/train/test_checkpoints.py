"""Which jobs' checkpoints are looked after, and for how long."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from potager.train.checkpoints import Checkpoints

NOBODY: Any = None
"""Of the store: nothing is there to be put."""


async def test_a_job_whose_folder_is_gone_is_looked_after_until_it_is_forgotten(tmp_path: Path) -> None:
    doc = {"TrainingJobName": "a", "CheckpointConfig": {"S3Uri": "s3://bucket/p"}}
    checkpoints, ml = Checkpoints(NOBODY), tmp_path / "ml"
    others = asyncio.all_tasks()
    checkpoints.follow(doc, ml)
    checkpoints.follow(doc, ml)
    (task,) = asyncio.all_tasks() - others
    await checkpoints.forget(ml)
    assert task.cancelled()
    await checkpoints.forget(ml)
    assert asyncio.all_tasks() == others
