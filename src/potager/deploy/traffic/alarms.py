"""The CloudWatch alarms of an update: rows of the kind `alarm`, whose status is the alarm's state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.kernel.errors import Invalid
from potager.kernel.names import Scope
from potager.store.rows import Rows

KIND = "alarm"
LOOK = 1.0
"""Seconds between two looks at the alarms of an update that is under way."""


def names(config: Mapping[str, Any]) -> list[str]:
    """The alarms that a DeploymentConfig names."""
    rollback: Mapping[str, Any] = config.get("AutoRollbackConfiguration", {})
    return [alarm["AlarmName"] for alarm in rollback.get("Alarms", ()) if "AlarmName" in alarm]


async def check(rows: Rows, scope: Scope, config: Mapping[str, Any]) -> None:
    """`Invalid` for an alarm that is not there."""
    for name in names(config):
        if await rows.get(KIND, scope, name) is None:
            raise Invalid(
                f"Could not find the CloudWatch alarm '{name}' of AutoRollbackConfiguration. Create it first."
            )


async def ringing(rows: Rows, scope: Scope, config: Mapping[str, Any]) -> list[str]:
    """Those that are in the state ALARM. One that was deleted meanwhile is not."""
    found = [(name, await rows.get(KIND, scope, name)) for name in names(config)]
    return [name for name, row in found if row is not None and row.status == "ALARM"]
