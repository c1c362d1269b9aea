"""CloudWatch: metrics that clients put and the server counts, and alarms on them.

    PutMetricData ─► store/metrics.py ─► queries.py (statistics, expressions) ─► GetMetricData, alarms

    service.py       the table of operations, and what they share
    putting.py       PutMetricData
    statistics.py    GetMetricStatistics, ListMetrics
    reading.py       GetMetricData
    queries.py       what metric data queries give
    expressions.py   metric math; pure
    alarms.py        PutMetricAlarm ... SetAlarmState, tags
    evaluation.py    what state an alarm is in, by its datapoints; pure
    watching.py      looks at alarms again and again, and acts
    messages.py      what an alarm's actions are told

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/WhatIsCloudWatch.html
"""

from __future__ import annotations

from potager.monitor.cloudwatch import alarms, putting, reading, statistics
from potager.monitor.cloudwatch.service import cloudwatch
from potager.monitor.cloudwatch.watching import Watch

__all__ = ["Watch", "alarms", "cloudwatch", "putting", "reading", "statistics"]
