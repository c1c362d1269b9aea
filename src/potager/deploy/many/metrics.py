"""AWS's metrics of a multi-model endpoint's models, by endpoint and variant.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from potager.kernel.names import Scope
from potager.store.metrics import Metrics, Series
from potager.store.rows import Row

NAMESPACE, INSTANCES = "AWS/SageMaker", "/aws/sagemaker/Endpoints"

KNOWN = {
    "ModelCacheHit": (NAMESPACE, "None"),
    "ModelLoadingWaitTime": (NAMESPACE, "Microseconds"),
    "ModelDownloadingTime": (NAMESPACE, "Microseconds"),
    "ModelLoadingTime": (NAMESPACE, "Microseconds"),
    "ModelUnloadingTime": (NAMESPACE, "Microseconds"),
    "LoadedModelCount": (INSTANCES, "None"),
}
"""Namespace and unit of each. ModelCacheHit is 1 for a request whose model was there, 0 for others."""


class Tally:
    """Counts for one variant of an endpoint."""

    def __init__(self, metrics: Metrics, row: Row, variant: str) -> None:
        scope, dimensions = Scope(row.account, row.region), {"EndpointName": row.name, "VariantName": variant}
        self._series: dict[str, Series] = {
            name: metrics.series(scope, namespace, name, dimensions, unit) for name, (namespace, unit) in KNOWN.items()
        }

    def __call__(self, name: str, value: float) -> None:
        self._series[name].add(value)
