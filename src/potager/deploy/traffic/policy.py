"""What a DeploymentConfig may say, and what an update keeps of the endpoint that it changes. Pure.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DeploymentConfig.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from potager.deploy import serverless
from potager.deploy.traffic import plan
from potager.kernel.errors import Invalid

Document = Mapping[str, Any]

NEEDS = {"ALL_AT_ONCE": "", "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}
"""The size that each type of traffic routing goes by."""


def check(config: Document, wanted: Document, live: Document | None = None) -> None:
    """`Invalid` for a DeploymentConfig that AWS would not take either.

    Parameters
    ----------
    wanted : the deployment that it is for.
    live : the one that it is to take over from, None for a new endpoint.
    """
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise Invalid("DeploymentConfig has a BlueGreenUpdatePolicy and a RollingUpdatePolicy. Give one of them.")
    for variant in (*wanted["variants"], *(live["variants"] if live else ())):
        if serverless.config(variant):
            said = f"Variant '{variant['name']}' is serverless, and traffic of such an endpoint moves at once."
            raise Invalid(f"{said} Leave DeploymentConfig out.")
    if blue_green:
        _routing(blue_green["TrafficRoutingConfiguration"], wanted)
    if rolling:
        _rolling(rolling, wanted)
    if live is not None:
        _names(live, wanted)
        _time(blue_green or rolling or {}, plan.steps(config, live, wanted))


def _routing(routing: Document, wanted: Document) -> None:
    kind = routing["Type"]
    needed = NEEDS[kind]
    for member in filter(None, NEEDS.values()):
        if member == needed and member not in routing:
            raise Invalid(f"TrafficRoutingConfiguration of the type {kind} needs a {member}.")
        if member != needed and member in routing:
            raise Invalid(f"TrafficRoutingConfiguration of the type {kind} takes no {member}. Leave it out.")
    if needed:
        _size(needed, routing[needed], wanted, 10 if kind == "LINEAR" else 0, 50)


def _rolling(policy: Document, wanted: Document) -> None:
    if len(wanted["variants"]) > 1:
        raise Invalid("RollingUpdatePolicy updates an endpoint of one variant. Use a BlueGreenUpdatePolicy.")
    _size("MaximumBatchSize", policy["MaximumBatchSize"], wanted, 5, 50)
    if size := policy.get("RollbackMaximumBatchSize"):
        _size("RollbackMaximumBatchSize", size, wanted, 0, 100)


def _size(member: str, size: Document, wanted: Document, least: int, most: int) -> None:
    """Holds a CapacitySize against each variant. One instance is not too large for a fleet that no half of fits."""
    for variant in wanted["variants"]:
        percent = 100 * plan.portion(size, variant["count"])
        if not least - 1e-9 <= percent <= most + 1e-9:
            given = f"{size['Value']} ({size['Type']})"
            raise Invalid(
                f"{member} {given} is {percent:g}% of the {variant['count']} instance(s) of variant "
                f"'{variant['name']}'; it must be {least}% to {most}%. Change it, or give it as CAPACITY_PERCENT."
            )


def _names(live: Document, wanted: Document) -> None:
    old, new = (sorted(plan.counts(each)) for each in (live, wanted))
    if old != new:
        raise Invalid(
            f"A DeploymentConfig needs the same variants before and after. The endpoint has {', '.join(old)}; "
            f"the configuration '{wanted['config']}' has {', '.join(new)}. "
            "Name them alike, or leave DeploymentConfig out."
        )


def _time(policy: Document, steps: list[plan.Step]) -> None:
    limit, waits = policy.get("MaximumExecutionTimeoutInSeconds"), sum(step.wait for step in steps)
    if limit is not None and limit <= waits:
        raise Invalid(
            f"MaximumExecutionTimeoutInSeconds is {limit}, and the waiting alone takes {waits:g} seconds. Raise it."
        )


def retained(wanted: Document, now: Document, excluded: Collection[str]) -> dict[str, Any]:
    """A deployment with the properties of the one that it follows, but those excluded.

    Properties are weights and counts of variants of the same name, and the capture of data.
    """
    before = {variant["name"]: variant for variant in now["variants"]}
    taken = {"DesiredWeight": "weight", "DesiredInstanceCount": "count"}
    keys = [key for member, key in taken.items() if member not in excluded]
    variants = [
        {**each, **{key: before[each["name"]][key] for key in keys}}
        if each["name"] in before and not serverless.config(each)
        else each
        for each in wanted["variants"]
    ]
    capture = {} if "DataCaptureConfig" in excluded else {"capture": now.get("capture")}
    return {**wanted, "variants": variants, **capture}
