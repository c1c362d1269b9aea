"""The web Studio: what the API can do, seen and started in a browser.

    wire Request ─► front ─► bridge ─► safety ─► app (Starlette) ─► a page ─► asking ─► operations, as clients
                    (lazy)   (ASGI)    (CSP,      routes             Jinja2                have them
                                       CSRF)

Everything lies below `/_studio/`: no bucket can be called that, so S3's paths are free of it. A page asks the house
through operations and never reads a row: of rooms, Studio imports pure functions alone (`train.tuning.insight`,
`access.roles`), and what passes a browser on to JupyterLab (`prepare.notebooks`); import-linter holds that. A
resource is a few lines of `resources.py`: its list and its detail page are made of that and of botocore's model; what
deserves more has a module in `pages/`, with its `ROUTES`, and templates. What moves is htmx's (`hx-get`, fragments),
what is live comes by server-sent events (`live.py`), charts are `<po-chart>` (`static/charts.js`). Nothing is fetched
from elsewhere.
"""
