"""How a tuning job searches, read from its document: its spaces, its plan, and what its parents found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from potager.train.tuning import definitions
from potager.train.tuning.search import Plan, Space, Trial, plan_of


def spaces(doc: Mapping[str, Any]) -> list[Space]:
    """What each definition searches; `Invalid` where AWS refuses its ranges."""
    auto = doc.get("Autotune", {}).get("Mode") == "Enabled"
    return [
        Space.of(each.name, each.ranges, each.builtin and each.builtin.catalogue(), each.static, auto)
        for each in definitions.of(doc)
    ]


def plan(doc: Mapping[str, Any]) -> Plan:
    """The plan of a tuning job; `Invalid` where AWS refuses it."""
    maximize = [each.maximize for each in definitions.of(doc)]
    transfer = doc.get("WarmStartConfig", {}).get("WarmStartType") == "TransferLearning"
    return plan_of(doc["HyperParameterTuningJobConfig"], spaces(doc), maximize, doc["_id"], transfer)


def priors(doc: Mapping[str, Any]) -> list[Trial]:
    """The trials of a job's parents, as they were written down when it was created."""
    return [
        Trial(each["definition"], each["values"], each["state"], each["value"], (), each["job"])
        for each in doc.get("_priors", ())
    ]
