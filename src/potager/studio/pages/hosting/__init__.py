"""Hosting: deploying, endpoints, trying them, models and their configurations, batch transforms.

deploying   /new/endpoint: one form, which `draft` turns into calls
endpoint    an endpoint's page and what is live there: `numbers` are CloudWatch's
trying      predictions by a form, whose first row `examples` finds
traffic     weights, updates, scaling
models      models and endpoint configurations, and what uses them
transform   /new/transform-job, and a transform job's page
removing    deleting what hosting made
"""

from __future__ import annotations

from potager.studio.pages.hosting import deploying, endpoint, models, removing, traffic, transform, trying

MODULES = (deploying, endpoint, trying, traffic, models, transform, removing)

ROUTES = [route for module in MODULES for route in module.ROUTES]
