"""`kill -9` at 200 moments under a crowd of clients: what was acknowledged is there, the rest is never half there."""

from __future__ import annotations

import random

from tests.clients.road import until
from tests.faults.store.audit import Folder
from tests.faults.store.client import Client
from tests.faults.store.crowd import BUCKET, LAYERED, Gate, Shared, Worker, read
from tests.faults.store.mortal import Mortal

MOMENTS = 200
WORKERS = 4
SEED = 4


def test_a_store_that_is_killed_at_200_moments_loses_nothing_and_keeps_nothing_torn(mortal: Mortal) -> None:
    chance, gate, shared = random.Random(SEED), Gate(), Shared()
    mortal.start()
    s3 = Client(mortal.url, mortal.env)
    for bucket in (BUCKET, LAYERED):
        assert s3("PUT", bucket).status == 200
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    assert s3("PUT", LAYERED, query={"versioning": ""}, body=enabled).status == 200
    mortal.kill()
    workers = [Worker(each, SEED, gate, shared, lambda: Client(mortal.url, mortal.env)) for each in range(WORKERS)]
    for worker in workers:
        worker.thread.start()
    try:
        live_and_die(mortal, gate, chance)
        mortal.start()
        gate.open()
    finally:
        gate.finish()
        for worker in workers:
            worker.thread.join(60)
    assert not gate.faults, gate.faults
    assert gate.total > 5 * MOMENTS
    assert len(mortal.steps) > MOMENTS / 4, "most were to die in the middle of a step"
    assert len(set(mortal.steps)) >= 10, mortal.steps
    check_all(Client(mortal.url, mortal.env), workers, shared)
    check_folder(mortal)


def live_and_die(mortal: Mortal, gate: Gate, chance: random.Random) -> None:
    """Has the server killed at every moment: after a number of answers, or in the middle of a step, or of its start."""
    for _ in range(MOMENTS):
        step = chance.randint(1, 250) if chance.random() < 0.7 else None
        if not mortal.start(step):
            continue
        gate.open()
        gate.until(30 if step else chance.randint(1, 20), lambda: not mortal.alive)
        gate.shut()
        mortal.kill()
        if gate.faults:
            return


def check_all(s3: Client, workers: list[Worker], shared: Shared) -> None:
    """Every key holds what it owes, and no other key is there."""
    for worker in workers:
        worker.connect_anew()
        for key in worker.held:
            worker.look(key)
        worker.check_layers()
    for key, tried in shared.tried.items():
        acknowledged = shared.acknowledged.get(key, [])
        digest = read(s3("GET", BUCKET, key))
        assert digest in tried if acknowledged else digest in tried | {None}, key
        if key.startswith("once/"):
            assert acknowledged in ([], [digest]), key
    listed = s3("GET", BUCKET, query={"list-type": 2}).texts("Key")
    there = {key for worker in workers for key, held in worker.held.items() if held != {None}}
    assert len(listed) == len(set(listed))
    assert there <= set(listed) <= there | set(shared.tried)


def check_folder(mortal: Mortal) -> None:
    """The folder holds what rows name and nothing else, once the sweep is over; nothing at all, once all is deleted."""
    folder, s3 = Folder(mortal.data), Client(mortal.url, mortal.env)
    until(lambda: not folder.complaints(deep=False), f"a folder without {folder.complaints(deep=False)}")
    assert folder.complaints() == []
    uploads = s3("GET", BUCKET, query={"uploads": ""})
    for key, upload in zip(uploads.texts("Key"), uploads.texts("UploadId"), strict=True):
        assert s3("DELETE", BUCKET, key, {"uploadId": upload}).status == 204
    for key in s3("GET", BUCKET, query={"list-type": 2}).texts("Key"):
        assert s3("DELETE", BUCKET, key).status == 204
    for _ in range(1000):
        versions = s3("GET", LAYERED, query={"versions": ""})
        if not versions.texts("VersionId"):
            break
        for key, version in zip(versions.texts("Key"), versions.texts("VersionId"), strict=True):
            assert s3("DELETE", LAYERED, key, {"versionId": version}).status == 204
    until(lambda: not folder.files(), "a folder without files")
    assert folder.complaints() == []
    assert folder.used() == 0
    for bucket in (BUCKET, LAYERED):
        assert s3("DELETE", bucket).status == 204
