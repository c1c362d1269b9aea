"""Deleting what hosting made, and saying first what still uses it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from potager.kernel.errors import WireError
from potager.studio.asking import asking
from potager.studio.safety import ROOT

DELETES = {
    "endpoints": ("DeleteEndpoint", "EndpointName"),
    "endpoint-configs": ("DeleteEndpointConfig", "EndpointConfigName"),
    "models": ("DeleteModel", "ModelName"),
}


async def remove(request: Request) -> Response:
    """Deletes one; of an endpoint also its configuration and its models, where that is wanted.

    What the configuration and the models are called is asked before the endpoint goes.
    """
    slug, name, ask = request.url.path.split("/")[-3], request.path_params["name"], asking(request)
    operation, member = DELETES[slug]
    also: list[tuple[str, str]] = []
    form = await request.form()
    if slug == "endpoints" and (form.get("config") or form.get("models")):
        found = await ask("sagemaker", "DescribeEndpoint", EndpointName=name)
        config = found["EndpointConfigName"]
        if form.get("models"):
            described = await ask("sagemaker", "DescribeEndpointConfig", EndpointConfigName=config)
            also += [("models", each["ModelName"]) for each in described["ProductionVariants"] if each.get("ModelName")]
        if form.get("config"):
            also.append(("endpoint-configs", config))
    await ask("sagemaker", operation, **{member: name})
    for other, named in dict.fromkeys(also):
        operation, member = DELETES[other]
        try:
            await ask("sagemaker", operation, **{member: named})
        except WireError as error:
            if "Could not find" not in error.message:
                raise
    return RedirectResponse(f"{ROOT}/{slug}", 303)


ROUTES = [Route(f"/{slug}/{{name}}/delete", remove, methods=["POST"]) for slug in DELETES]
