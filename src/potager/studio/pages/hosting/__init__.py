"""Hosting: deploying, endpoints, trying them, models and their configurations, batch transforms.

deploying   /new/endpoint: one form, which `draft` turns into calls
endpoint    an endpoint's page and what is live there
trying      predictions by a form
removing    deleting what hosting made
"""

from __future__ import annotations

from potager.studio.pages.hosting import deploying, endpoint, removing, trying

ROUTES = [*deploying.ROUTES, *endpoint.ROUTES, *trying.ROUTES, *removing.ROUTES]
