"""Inference components: models that share the instances of one endpoint, each invoked by its name.

    endpoints.py      endpoints without models of their own: what their configurations must have, and what it means
    room.py           how much their instances have, and whether copies fit; pure
    specification.py  a Specification, and the deployment that it asks for
    operations.py     Create, Describe, List, Update, UpdateRuntimeConfig, Delete
    hosting.py        ComponentHost: brings copies up, keeps them up, takes them down
    routing.py        who answers an invocation that names a component

A component's row holds two deployments, as an endpoint's does (`deploy/lifecycle.py`): each has one variant, whose
instances are the component's copies. The instances of its endpoint are a bound only; nothing runs in them.
"""
