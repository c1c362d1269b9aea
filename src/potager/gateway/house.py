"""Composes a running server out of its parts, and takes it apart again."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

from potager.access import grants, kms, policies, roles, tags
from potager.collect import s3
from potager.collect.s3.access import publicity
from potager.collect.s3.buckets import records
from potager.collect.s3.buckets.expiry import Expirer
from potager.compute import budget, jumpstart
from potager.compute.process.executor import ProcessExecutor
from potager.compute.shares import Shares
from potager.compute.workload import Executor
from potager.deploy import configs, endpoints, invocation, models, scaling, streaming
from potager.deploy.asynchronous import requests
from potager.deploy.asynchronous.queue import Queue
from potager.deploy.capture.recorder import Recorder
from potager.deploy.components import operations as components
from potager.deploy.components.hosting import ComponentHost
from potager.deploy.hosting import Host
from potager.deploy.limits import Limits
from potager.deploy.many.metrics import Tally
from potager.deploy.router import Router
from potager.deploy.sessions import Stays
from potager.deploy.telemetry import Telemetry
from potager.deploy.transform import jobs as transform_jobs
from potager.deploy.transform.runner import TransformRunner
from potager.deploy.waiting import Waiting
from potager.gateway.inside import Inside
from potager.gateway.tracing import Tracing
from potager.kernel.context import Doors, House
from potager.kernel.errors import Exists
from potager.kernel.names import Scope
from potager.kernel.sessions import Sessions, Trust
from potager.kernel.settings import Keys, Settings
from potager.monitor import cloudwatch, topics
from potager.monitor import logs as log_operations
from potager.monitor.usage import Gauges
from potager.prepare.notebooks import instances as notebook_instances
from potager.prepare.notebooks.runner import NotebookRunner
from potager.prepare.processing import jobs as processing_jobs
from potager.prepare.processing.runner import ProcessingRunner
from potager.store import bond
from potager.store.aging import Aging
from potager.store.blobs import Blobs
from potager.store.database import Database, located
from potager.store.events import Events
from potager.store.keyring import Keyring
from potager.store.leases import Leases
from potager.store.logs import Logs
from potager.store.metrics import Metrics
from potager.store.mounts.declared import Mounts
from potager.store.mounts.given import Given
from potager.store.objects import Objects
from potager.store.rows import Rows
from potager.store.sealing import Sealing
from potager.store.vault import Vault
from potager.train import course, jobs
from potager.train.runner import Runner
from potager.train.tuning import jobs as tuning_jobs
from potager.train.tuning.runner import Tuner
from potager.wire import model
from potager.wire.service import Registry

SERVICES = (
    roles.sts,
    roles.iam,
    grants.sts,
    policies.iam,
    tags.sagemaker,
    processing_jobs.sagemaker,
    notebook_instances.sagemaker,
    jobs.sagemaker,
    course.service,
    tuning_jobs.sagemaker,
    models.sagemaker,
    configs.sagemaker,
    endpoints.sagemaker,
    components.sagemaker,
    invocation.runtime,
    requests.runtime,
    streaming.runtime,
    transform_jobs.sagemaker,
    log_operations.logs,
    cloudwatch.cloudwatch,
    scaling.autoscaling,
    topics.sns,
    s3.service,
    kms.service,
)
"""All that is served, room by room."""


def registry() -> Registry:
    """The operations of every room; two rooms that serve the same one are refused."""
    merged = Registry()
    for service in SERVICES:
        merged.add(service)
    return merged


OWNER = "embedded"
"""Who holds the leases. The lock on the data folder keeps a second server out, so the next one may go on at once."""


async def furnish(settings: Settings, keys: Keys, url: str, trust: Trust | None, stack: AsyncExitStack) -> House:
    """A house with everything in it, running. Closing `stack` takes it apart in the opposite order."""
    data = settings.data
    house = House()
    operations = house.add(Registry, registry())
    house.add(Doors, Doors(Inside(operations)))
    database = await Database.open(located(settings.database, data))
    stack.push_async_callback(database.close)
    house.add(Sessions, Sessions(keys.secret, url, trust))
    rows = house.add(Rows, Rows(database, keys.secret))
    blobs = house.add(Blobs, Blobs(data / "blobs"))
    stack.callback(blobs.close)
    await bond.bind(database, blobs, data / bond.FILE)
    scope, vault = Scope(settings.account_id, settings.region), Vault(keys.secret)
    keyring = house.add(Keyring, Keyring(rows, vault))
    tending = house.add(kms.Tending, kms.Tending(rows, keyring))
    tending.wake()
    stack.push_async_callback(tending.close)
    objects = house.add(
        Objects, Objects(database, blobs, Mounts(data, scope), Sealing(vault, keyring), _jumpstart(data))
    )
    events = house.add(Events, Events(database))
    metrics = house.add(Metrics, Metrics(database, resolution=60 if settings.scaling_minute == 60 else 1))
    metrics.start()
    stack.push_async_callback(metrics.close)
    objects.observe = records.observer(events)
    events.start()
    stack.push_async_callback(events.close)
    objects.start()
    stack.push_async_callback(objects.close)
    await _default_bucket(objects, scope)
    expirer = house.add(Expirer, Expirer(objects, Aging(database, blobs, objects), settings.lifecycle_day))
    stack.push_async_callback(expirer.close)
    await expirer.start()
    logs = house.add(Logs, Logs(data / "logs"))
    leases = Leases(rows, owner=OWNER)
    stack.push_async_callback(leases.close)
    signer = house.add(topics.Signer, topics.Signer(rows, vault, scope))
    deliverer = topics.Deliverer(rows, leases, signer, settings.sns_url or url, topics.Mail.of(settings))
    house.add(topics.Deliverer, deliverer)
    stack.push_async_callback(deliverer.close)
    await deliverer.start()
    watch = house.add(cloudwatch.Watch, cloudwatch.Watch(house, rows, leases, metrics, settings.alarm_interval))
    stack.push_async_callback(watch.close)
    await watch.start()
    shared = [trust.folder] if trust else ()
    executor = ProcessExecutor(isolate=settings.isolation != "none", kept=data / "environments", shared=shared)
    await executor.open()
    stack.push_async_callback(executor.close)
    shares = house.add(Shares, Shares(budget.of(settings), data / "shares"))
    stack.callback(shares.close)
    limits = Limits(
        settings.invocation_timeout,
        settings.invocation_body,
        settings.ping_interval,
        settings.serverless_idle,
        settings.stream_timeout,
    )
    house.add(Limits, limits)
    await _work(house, stack, rows, leases, executor, objects, logs, settings)
    return house


def _jumpstart(data: Path) -> Given:
    """The buckets where the SDKs look for what trains a model id of JumpStart's; everybody may read them."""

    def files() -> dict[str, bytes]:
        shapes = map(model.load("sagemaker").shape_for, ("TrainingInstanceType", "ProductionVariantInstanceType"))
        return jumpstart.files({kind for shape in shapes for kind in shape.metadata["enum"]})

    actions = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    doc: dict[str, Any] = {publicity.POLICY: policy, publicity.BLOCK: {}}
    return Given(jumpstart.BUCKETS, "JumpStart's catalogue", data / "jumpstart", files, doc)


async def _default_bucket(objects: Objects, scope: Scope) -> None:
    """Makes the bucket that the SDKs look for; with a prefix configured they list it before they would make it."""
    with suppress(Exists):
        await objects.create_bucket(f"sagemaker-{scope.region}-{scope.account}", scope)


async def _work(
    house: House,
    stack: AsyncExitStack,
    rows: Rows,
    leases: Leases,
    executor: Executor,
    objects: Objects,
    logs: Logs,
    settings: Settings,
) -> None:
    """Puts the reconcilers in and has them take up what an earlier server left."""
    data, shares = settings.data, house[Shares]
    router = house.add(Router, Router())
    house.add(Stays, Stays())
    recorder = house.add(Recorder, Recorder(objects, settings.capture_interval))
    stack.push_async_callback(recorder.close)
    host = house.add(
        Host, Host(rows, leases, executor, shares, objects, logs, router, data, house[Limits], house[Metrics])
    )
    telemetry = house.add(Telemetry, Telemetry(house[Metrics], router, settings.scaling_minute))
    stack.push_async_callback(telemetry.close)
    telemetry.start()
    host.watch += (recorder.watch, telemetry.watch)
    if tracing := Tracing.configured():
        house.add(Tracing, tracing)
        stack.push_async_callback(tracing.close)
        host.watch.append(tracing.watch)
    host.raiser.tally = partial(Tally, house[Metrics])
    stack.push_async_callback(host.close)
    copies = house.add(
        ComponentHost,
        ComponentHost(rows, leases, executor, shares, objects, logs, data, house[Limits], host.libraries),
    )
    house.add(Waiting, Waiting(router, copies.router))
    meters = Telemetry(house[Metrics], copies.router, settings.scaling_minute)
    stack.push_async_callback(meters.close)
    meters.start()
    copies.watch += (recorder.watch_component, meters.watch)
    if tracing:
        copies.watch.append(tracing.watch)
    stack.push_async_callback(copies.close)
    queue = house.add(Queue, Queue(house, rows, objects, router, house[Metrics]))
    stack.push_async_callback(queue.close)
    scaler = house.add(scaling.Scaler, scaling.Scaler(house, rows, leases, host, settings.scaling_minute))
    stack.push_async_callback(scaler.close)
    house[cloudwatch.Watch].actions["autoscaling"] = scaler.triggered
    runner = house.add(Runner, Runner(rows, leases, executor, shares, objects, logs, house[Sessions], data))
    house.add(course.Courses, course.Courses(runner.logs_of))
    stack.push_async_callback(runner.close)
    tuner = house.add(Tuner, Tuner(rows, leases, executor, runner))
    stack.push_async_callback(tuner.close)
    processing = house.add(
        ProcessingRunner, ProcessingRunner(rows, leases, executor, shares, objects, logs, house[Sessions], data)
    )
    stack.push_async_callback(processing.close)
    notebooks = house.add(
        NotebookRunner,
        NotebookRunner(rows, leases, executor, shares, logs, house[Sessions], data, settings.notebook_idle),
    )
    stack.push_async_callback(notebooks.close)
    transforms = house.add(TransformRunner, TransformRunner(rows, leases, executor, shares, objects, logs, data))
    stack.push_async_callback(transforms.close)
    gauges = house.add(Gauges, Gauges(executor, house[Metrics], settings.usage_interval))
    gauges.sources += (
        host.instances,
        runner.instances,
        processing.instances,
        transforms.instances,
        notebooks.instances,
    )
    gauges.start()
    stack.push_async_callback(gauges.close)
    await host.start()
    await copies.start()
    await queue.start()
    await scaler.start()
    await runner.start()
    await tuner.start()
    await processing.start()
    await notebooks.start()
    await transforms.start()
    shares.open(data / "jobs")  # last: every room has cleared away what nobody wants any more
