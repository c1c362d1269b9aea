"""What is counted of a multi-model endpoint's models, as CloudWatch names it."""

from __future__ import annotations

from pathlib import Path

from potager.deploy.many.metrics import INSTANCES, KNOWN, NAMESPACE, Tally
from potager.kernel.names import Scope
from potager.store.database import Database
from potager.store.metrics import Metrics
from potager.store.rows import Row

HERE = Scope("000000000000", "us-east-1")


async def test_what_is_counted_is_kept_by_endpoint_and_variant(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'rows.db'}")
    try:
        metrics = Metrics(database)
        tally = Tally(metrics, Row("endpoint", *HERE, "e", "arn", "InService", {}, 0, 0, 1), "blue")
        for name in KNOWN:
            tally(name, 3.0)
        found = await metrics.names(HERE)
        units = {each.name: await metrics.units(HERE, *each[2:4], dict(each.dimensions)) for each in found}
    finally:
        await database.close()
    assert {each.name: (each.namespace, *units[each.name]) for each in found} == KNOWN
    assert {each.dimensions for each in found} == {(("EndpointName", "e"), ("VariantName", "blue"))}
    assert KNOWN["LoadedModelCount"][0] == INSTANCES != NAMESPACE
