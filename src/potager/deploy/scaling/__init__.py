"""Application Auto Scaling: endpoints whose workers come and go with what is asked of them.

    wake, or the next minute ─► endpoint, policies, schedules, metrics ─► decide ─► activity and endpoint, one change

    service.py       the table of operations, and what they share
    targets.py       RegisterScalableTarget ..., tags
    policies.py      PutScalingPolicy ...
    schedules.py     PutScheduledAction ...
    activities.py    DescribeScalingActivities, and what activities say
    timetable.py     when a schedule is due; pure
    decisions.py     which capacity the policies ask for; pure
    readings.py      what policies look at: metrics, and alarms that name a policy
    capacity.py      what a variant has, and how it is given more
    scaler.py        brings it together

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/what-is-application-auto-scaling.html
"""

from __future__ import annotations

from potager.deploy.scaling import activities, policies, schedules, targets
from potager.deploy.scaling.scaler import Scaler
from potager.deploy.scaling.service import autoscaling

__all__ = ["Scaler", "activities", "autoscaling", "policies", "schedules", "targets"]
