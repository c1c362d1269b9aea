"""Ranges, spaces and plans made inline, in the words of the wire."""

from __future__ import annotations

from typing import Any

from potager.train.tuning.search import Plan, Proposal, Space, Trial, plan_of, propose


def integer(name: str, low: object, high: object, scaling: str = "Auto") -> dict[str, Any]:
    return {
        "IntegerParameterRanges": [
            {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling},
        ]
    }


def continuous(name: str, low: object, high: object, scaling: str = "Auto") -> dict[str, Any]:
    return {
        "ContinuousParameterRanges": [
            {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scaling},
        ]
    }


def categorical(name: str, *values: str) -> dict[str, Any]:
    return {"CategoricalParameterRanges": [{"Name": name, "Values": list(values)}]}


def both(*ranges: dict[str, Any]) -> dict[str, Any]:
    """One `ParameterRanges` of several."""
    joined: dict[str, Any] = {}
    for each in ranges:
        for kind, found in each.items():
            joined[kind] = [*joined.get(kind, []), *found]
    return joined


def space(*ranges: dict[str, Any], name: str = "", **further: Any) -> Space:
    return Space.of(name, both(*ranges), **further)


def plan(*spaces: Space, strategy: str = "Random", seed: int | str = "job", **config: Any) -> Plan:
    return plan_of({"Strategy": strategy, **config}, spaces, [True] * len(spaces), seed)


def run(plan: Plan, most: int = 1000) -> list[Proposal]:
    """What is proposed while every trial stays running, up to `most`."""
    trials: list[Trial] = []
    found: list[Proposal] = []
    while len(found) < most and (proposal := propose(plan, trials)) is not None:
        found.append(proposal)
        trials.append(Trial(proposal.space, proposal.values))
    return found
