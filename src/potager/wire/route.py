"""Which service and operation a request means.

    X-Amz-Target ─────────────────────────► json      SageMaker.CreateTrainingJob
    smithy-protocol ──────────────────────► cbor      /service/<target>/operation/<name>
    Action in the query or in a form ─────► query     Action=GetCallerIdentity&Version=2011-06-15
    signed for sagemaker, polly ... ──────► rest-json method and path
    all else ─────────────────────────────► rest-xml  S3: method, path or host, sub-resource

Nothing is checked here: a request that nobody signed has a route as well. One that means nothing is answered so:

    no such operation    UnknownOperationException; InvalidAction, MissingAction (Query); MethodNotAllowed 405 (S3)
    another method       UnknownOperationException 405 (JSON, CBOR)
    another media type   UnsupportedMediaTypeException 415, NotAcceptableException 406 (CBOR)
    a malformed body     SerializationException; MalformedInput (Query); MalformedXML (S3)
    not served           NotImplemented 501
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import OperationModel

from potager.kernel.body import Body
from potager.kernel.errors import WireError
from potager.wire import bucket, catalog, credential, model, paths, protocols
from potager.wire.message import Request, Response, form
from potager.wire.protocols import events

MAX_FORM = 4 * 2**20

CERTIFICATE = "GetSigningCertificate"
"""What a request for the certificate is called that SNS signs by; no operation of its model."""
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-f]{32}\.pem")

_OPEN = {"sns": frozenset(("ConfirmSubscription", "Unsubscribe"))}
"""Operations that nobody has to sign, by service: links in messages lead to them."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes
    ----------
    service, operation : botocore's names; the operation is what the client wrote, and may not exist.
    protocol : `json`, `query`, `rest-json`, `rest-xml` or `smithy-rpc-v2-cbor`.
    region : as the signature or the host has it, None where neither does.
    labels : what stands in the path, decoded: `{"Bucket": ..., "Key": ...}`.
    json_version : 1.0 or 1.1, as the client spoke.
    """

    service: str
    operation: str
    protocol: str
    region: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    json_version: str = "1.1"

    @property
    def known(self) -> bool:
        """Whether AWS's model has the operation."""
        return self.operation in model.names(self.service)

    @property
    def model(self) -> OperationModel:
        """The operation's model; for a target that is `known`."""
        return model.operation(self.service, self.operation)

    @property
    def signing_name(self) -> str:
        """The service's name in a signature's scope."""
        return model.load(self.service).signing_name

    @property
    def open(self) -> bool:
        """Whether nobody has to sign."""
        return self.operation in _OPEN.get(self.service, ())

    @property
    def streams(self) -> bool:
        """Whether the handler gets the body as it arrives (PutObject, UploadPart)."""
        if not self.known:
            return False
        rest = self.protocol.startswith("rest") and protocols.streams(self.model)
        return rest or protocols.event_members(self.model)[0] is not None

    @property
    def events(self) -> str | None:
        """The output's member that is an event stream."""
        return protocols.event_members(self.model)[1]

    async def opened(self, body: Body) -> Any:
        """A body that `streams`, as `parse` takes it: events are told apart from the input's other members."""
        if protocols.event_members(self.model)[0]:
            return await events.Opened.of(self.model, self.protocol, body)
        return body

    def parse(self, request: Request, body: Any) -> dict[str, Any]:
        """The members that the request has; `body` is bytes, or a `Body` where the target `streams`."""
        return protocols.of(self.protocol).parse(self.model, request, body, self.labels)

    def serialize(self, result: Mapping[str, Any] | None, request_id: str = "") -> Response:
        """The output as the protocol writes it."""
        response = protocols.of(self.protocol).serialize(self.model, result or {}, request_id)
        return _speaking(self, response)

    def error(self, error: WireError, request_id: str, request: Request | None = None) -> Response:
        """The error as the protocol writes it; `request` gives the method (HEAD has no body) and S3's Resource."""
        operation = self.model if self.known else None
        return _speaking(self, protocols.of(self.protocol).error(operation, error, request_id, request))


def _speaking(target: Target, response: Response) -> Response:
    """JSON 1.0 to a client that spoke 1.0."""
    if target.protocol == "json" and target.json_version == "1.0" and isinstance(response.body, bytes):
        others = [(name, value) for name, value in response.headers if name != "Content-Type"]
        response.headers = [*others, ("Content-Type", "application/x-amz-json-1.0")]
    return response


def is_form(request: Request) -> bool:
    """Whether the operation may stand in the body, which must then be read before routing."""
    return (
        request.method == "POST"
        and request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        and "x-amz-target" not in request.headers
        and (credential.scope(request) or ("", ""))[1] not in ("s3", *catalog.PATHS)
    )


def resolve(request: Request, body: bytes = b"") -> Target:
    """The target of a request; `body` is needed where `is_form(request)`.

    A request that no AWS service would understand raises a `WireError` (`UnknownOperationException`,
    `MethodNotAllowed`, ...); answer it with `guess(request).error(...)`.
    """
    region, service = credential.scope(request) or (None, None)
    if target := request.headers.get("x-amz-target"):
        return _by_target(target, request, region)
    if "smithy-protocol" in request.headers:
        return _by_rpc_path(request, region)
    if service != "s3" and (action := _action(request, body)):
        return _by_action(*action, service, region)
    if service is not None and service in catalog.PATHS:
        return _by_path(request, service, region)
    if service in (None, "s3"):
        return _unsigned_path(request, region) if service is None else _by_bucket(request, region)
    if service in catalog.SIGNED_QUERY:
        raise WireError("MissingAction", "The request must contain the parameter Action.")
    raise WireError("UnknownOperationException", f"Potager does not know the service '{service}'.", 404)


def guess(request: Request) -> Target:
    """A target for errors about requests that have no route: the protocol in which the client will read them."""
    service = (credential.scope(request) or (None, None))[1]
    if "x-amz-target" in request.headers or service == "sagemaker" or "smithy-protocol" in request.headers:
        return Target("sagemaker", "", "smithy-rpc-v2-cbor" if "smithy-protocol" in request.headers else "json")
    if service in catalog.SIGNED_QUERY or (service is None and is_form(request)):
        return Target(catalog.SIGNED_QUERY.get(service or "", "sts"), "", "query")
    return Target("s3", "", "rest-xml") if service in (None, "s3") else Target("sagemaker-runtime", "", "rest-json")


def _by_target(target: str, request: Request, region: str | None) -> Target:
    if request.method != "POST":
        raise WireError("UnknownOperationException", f"Operations are asked for by POST, not {request.method}.", 405)
    prefix, _, operation = target.rpartition(".")
    service = catalog.TARGETS.get(prefix)
    if service is None:
        raise WireError("UnknownOperationException", f"Potager does not know the target '{target[:200]}'.")
    version = "1.0" if request.headers.get("content-type", "").startswith("application/x-amz-json-1.0") else "1.1"
    return Target(service, operation, "json", region, json_version=version)


def _by_rpc_path(request: Request, region: str | None) -> Target:
    said = request.headers["smithy-protocol"]
    if said != "rpc-v2-cbor":
        raise WireError("UnknownOperationException", f"Potager does not speak the protocol '{said[:80]}'.", 404)
    if request.method != "POST":
        raise WireError("UnknownOperationException", f"Operations are asked for by POST, not {request.method}.", 405)
    parts = request.path.split("/")
    fits = len(parts) >= 5 and (parts[-4], parts[-2]) == ("service", "operation")
    service = catalog.TARGETS.get(parts[-3]) if fits else None
    if service is None:
        raise WireError("UnknownOperationException", f"Potager does not know the path '{request.path[:200]}'.", 404)
    return Target(service, parts[-1], "smithy-rpc-v2-cbor", region)


def _action(request: Request, body: bytes) -> tuple[str, str] | None:
    """Action and Version, where the request has the first."""
    fields = request.arguments if "Action=" in request.query else {}
    if not fields.get("Action") and body and is_form(request):
        fields = form(body.decode("utf-8", "replace"))
    return (fields["Action"][0], fields.get("Version", [""])[0]) if fields.get("Action") else None


def _by_action(action: str, version: str, signed: str | None, region: str | None) -> Target:
    service = catalog.SIGNED_QUERY.get(signed or "") or catalog.QUERY.get(version)
    if service is None:
        raise WireError("InvalidAction", f"Could not find operation {action[:100]} for version {version[:40]}.")
    return Target(service, action, "query", region)


def _by_path(request: Request, signed: str, region: str | None) -> Target:
    found = paths.found(catalog.PATHS[signed], request.method, request.path)
    if found is None:
        raise WireError("UnknownOperationException", f"{signed} has no {request.method} {request.path[:200]}.", 404)
    leaf, labels = found
    return Target(leaf.service, leaf.operation, "rest-json", region, labels)


def _unsigned_path(request: Request, region: str | None) -> Target:
    """S3 is what browsers and presigned URLs of the old kind reach without a scope; the rest only by its path."""
    if not bucket.is_host(request.headers.get("host", ""), request.domain):
        found = paths.found(catalog.PATHS["sagemaker"], request.method, request.path)
        if found is not None and request.method in ("POST", "PUT"):
            return Target(found[0].service, found[0].operation, "rest-json", region, found[1])
        if request.method == "GET" and _CERTIFICATE.fullmatch(request.path):
            return Target("sns", CERTIFICATE, "query", region)
    return _by_bucket(request, region)


def _by_bucket(request: Request, region: str | None) -> Target:
    at = bucket.place(request)
    labels = {name: value for name, value in (("Bucket", at.bucket), ("Key", at.key)) if value}
    return Target("s3", bucket.operation(request, at), "rest-xml", region or at.region, labels)
