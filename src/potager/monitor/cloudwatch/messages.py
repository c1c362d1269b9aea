"""What is said of an alarm's change: reasons, and what SNS publishes. Pure.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session

from potager.monitor.cloudwatch.evaluation import ALARM, COMPARISONS, INSUFFICIENT, Rule
from potager.store.rows import Row

SUBJECT = 100
"""Characters that the subject of a message may have."""


def reason(rule: Rule, datapoints: Sequence[tuple[float, float | None]], old: str, new: str) -> str:
    """Why an alarm came into a state, in CloudWatch's words; `datapoints` are moments and values, the newest last."""
    known = [(at, value) for at, value in datapoints if value is not None][-rule.periods :]
    if new == INSUFFICIENT:
        number = rule.periods - len(known)
        return f"Insufficient Data: {number} {_plural(number)} {'was' if number == 1 else 'were'} unknown."
    met = [(at, value) for at, value in known if rule.breaching(value) == (new == ALARM)]
    if not met:
        number = rule.periods - len(known)
        how = "Breaching" if rule.missing == "breaching" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {number} {_plural(number, 'period')} and {number} "
            f"missing {_plural(number)} {'was' if number == 1 else 'were'} treated as [{how}]."
        )
    shown = ", ".join(f"{value} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})" for at, value in reversed(met))
    words, needed = COMPARISONS[rule.comparison][1], rule.needed if new == ALARM else rule.periods - rule.needed + 1
    one = len(met) == 1
    return (
        f"Threshold Crossed: {len(met)} out of the last {rule.periods} {_plural(rule.periods)} [{shown}] "
        f"{'was' if one else 'were'} {'' if new == ALARM else 'not '}{words} the threshold ({rule.threshold}) "
        f"(minimum {needed} {_plural(needed)} for {old} -> {new} transition)."
    )[:1023]


def _plural(number: int, noun: str = "datapoint") -> str:
    return noun if number == 1 else noun + "s"


def data(rule: Rule, doc: Mapping[str, Any], datapoints: Sequence[tuple[float, float | None]], now: float) -> str:
    """StateReasonData."""
    known = [value for _, value in datapoints if value is not None]
    said = {
        "version": "1.0",
        "queryDate": moment(now),
        "startDate": moment(datapoints[0][0]) if datapoints else moment(now),
        "statistic": doc.get("Statistic", doc.get("ExtendedStatistic")),
        "period": doc.get("Period"),
        "recentDatapoints": known[-rule.periods :],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": moment(at)} | ({} if value is None else {"value": value})
            for at, value in reversed(datapoints[-rule.periods :])
        ],
    }
    if "Unit" in doc:
        said["unit"] = doc["Unit"]
    text = json.dumps(said)
    if len(text) > 4000:
        text = json.dumps({name: value for name, value in said.items() if not isinstance(value, list)})
    return text


def moment(at: float) -> str:
    """An instant as CloudWatch writes it in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def subject(row: Row) -> str:
    """The subject of what SNS publishes."""
    return f'{row.status}: "{row.name}" in {_region(row.region)}'.encode("ascii", "replace").decode()[:SUBJECT]


def message(row: Row, old: str) -> str:
    """The document that SNS publishes."""
    doc = row.doc
    return json.dumps(
        {
            "AlarmName": row.name,
            "AlarmDescription": doc.get("AlarmDescription"),
            "AWSAccountId": row.account,
            "AlarmConfigurationUpdatedTimestamp": moment(doc["AlarmConfigurationUpdatedTimestamp"]),
            "NewStateValue": row.status,
            "NewStateReason": doc["StateReason"],
            "StateChangeTime": moment(doc["StateUpdatedTimestamp"]),
            "Region": _region(row.region),
            "AlarmArn": row.arn,
            "OldStateValue": old,
            "OKActions": doc.get("OKActions", []),
            "AlarmActions": doc.get("AlarmActions", []),
            "InsufficientDataActions": doc.get("InsufficientDataActions", []),
            "Trigger": _trigger(doc),
        }
    )


def _trigger(doc: Mapping[str, Any]) -> dict[str, Any]:
    shared = {
        "Period": doc.get("Period"),
        "EvaluationPeriods": doc["EvaluationPeriods"],
        "DatapointsToAlarm": doc.get("DatapointsToAlarm", doc["EvaluationPeriods"]),
        "ComparisonOperator": doc["ComparisonOperator"],
        "Threshold": doc["Threshold"],
        "TreatMissingData": doc.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": doc.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "Metrics" in doc:
        return {**shared, "Metrics": doc["Metrics"]}
    if extended := doc.get("ExtendedStatistic"):
        how = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": extended}
    else:
        how = {"StatisticType": "Statistic", "Statistic": doc["Statistic"].upper()}
    by = [{"value": each["Value"], "name": each["Name"]} for each in doc.get("Dimensions", [])]
    named = {"MetricName": doc["MetricName"], "Namespace": doc["Namespace"], "Unit": doc.get("Unit"), "Dimensions": by}
    return {**named, **how, **shared}


@cache
def _region(name: str) -> str:
    """A region's long name, such as `US East (N. Virginia)`."""
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    found = (each["regions"][name]["description"] for each in partitions if name in each["regions"])
    return next(found, name)
