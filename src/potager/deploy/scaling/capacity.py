"""What a scalable dimension has now, and how an endpoint is asked for more or less of it.

    sagemaker:variant:DesiredInstanceCount              a variant's instances
    sagemaker:variant:DesiredProvisionedConcurrency     a serverless one's workers that are kept
    sagemaker:inference-component:DesiredCopyCount      an inference component's copies

By the change that UpdateEndpointWeightsAndCapacities makes, or UpdateInferenceComponentRuntimeConfig.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from potager.deploy import deployment, endpoints, serverless
from potager.deploy.components import operations as components
from potager.deploy.components import room
from potager.deploy.hosting import KIND
from potager.deploy.scaling.service import Named
from potager.kernel.errors import Invalid, Unserved
from potager.kernel.names import Scope
from potager.store.rows import Row, Tx

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"
NOUNS = {
    INSTANCES: "desired instance count",
    CONCURRENCY: "desired provisioned concurrency",
    COPIES: "desired copy count",
}
"""What activities call a dimension that is served."""
_RESOURCE = re.compile(r"endpoint/([A-Za-z0-9-]{1,63})/variant/([A-Za-z0-9-]{1,63})")
_COMPONENT = re.compile(r"inference-component/([A-Za-z0-9-]{1,63})")


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant of an endpoint, as its names have it."""

    endpoint: str
    name: str
    dimension: str

    @classmethod
    def of(cls, named: Named) -> Variant:
        """What a target names; `Invalid` or `Unserved` for what cannot be scaled here."""
        if not named.dimension.startswith("sagemaker:"):
            raise Invalid("Unsupported service namespace, resource type or scalable dimension")
        if named.dimension not in NOUNS:
            raise Unserved(f"Potager does not scale {named.dimension}. It scales {', '.join(NOUNS)}.")
        if named.dimension == COPIES:
            return Component.called(named.resource)
        found = _RESOURCE.fullmatch(named.resource)
        if found is None:
            raise Invalid(f"'{named.resource}' is no variant. Write endpoint/NAME/variant/VARIANT.")
        return cls(found[1], found[2], named.dimension)

    @property
    def dimensions(self) -> dict[str, str]:
        """What its metrics are known by."""
        return {"EndpointName": self.endpoint, "VariantName": self.name}

    def row(self, tx: Tx, scope: Scope) -> Row | None:
        """The endpoint's row, None where there is no such variant of that kind (any more)."""
        row = tx.get(KIND, scope, self.endpoint)
        return row if row is not None and self._fits(self._found(row.doc["_wanted"])) else None

    def _fits(self, variant: Mapping[str, Any]) -> bool:
        """Whether a variant is there, and of the kind that has the dimension."""
        without = bool(serverless.config(variant))
        return bool(variant) and without == (self.dimension == CONCURRENCY)

    def wanted(self, row: Row) -> int:
        """The capacity that the endpoint is to have."""
        return self._found(row.doc["_wanted"])["count"]

    def live(self, row: Row) -> int:
        """The capacity that it has."""
        return self._found(row.doc["_live"] or {}).get("count", 0)

    def change(self, tx: Tx, row: Row, capacity: int) -> Row:
        """Asks for another capacity; `Invalid` where the endpoint cannot have it now."""
        change: dict[str, Any] = {"VariantName": self.name}
        if self.dimension == CONCURRENCY:
            change["ServerlessUpdateConfig"] = {"ProvisionedConcurrency": capacity}
        else:
            change["DesiredInstanceCount"] = capacity
        return endpoints.want(tx, row, deployment.reweighed(row.doc["_wanted"], [change]))

    def _found(self, deployed: Mapping[str, Any]) -> dict[str, Any]:
        variants: list[dict[str, Any]] = deployed.get("variants", [])
        return next((each for each in variants if each["name"] == self.name), dict[str, Any]())


@dataclass(frozen=True, slots=True)
class Component(Variant):
    """An inference component, whose copies are the instances of its one variant. No endpoint is named."""

    @classmethod
    def called(cls, resource: str) -> Component:
        """The component that a resource names; `Invalid` for anything else."""
        found = _COMPONENT.fullmatch(resource)
        if found is None:
            raise Invalid(f"'{resource}' is no inference component. Write inference-component/NAME.")
        return cls("", found[1], COPIES)

    @property
    def dimensions(self) -> dict[str, str]:
        return {"InferenceComponentName": self.name}

    def row(self, tx: Tx, scope: Scope) -> Row | None:
        """The component's row, None where there is none (any more)."""
        return tx.get(room.KIND, scope, self.name)

    def change(self, tx: Tx, row: Row, capacity: int) -> Row:
        """Asks for another number of copies; `Invalid` where the component cannot have it now."""
        return components.want(tx, row, components.scaled(row.doc["_wanted"], capacity))

    def _found(self, deployed: Mapping[str, Any]) -> dict[str, Any]:
        variants: list[dict[str, Any]] = deployed.get("variants", [])
        return variants[0] if variants else {}
