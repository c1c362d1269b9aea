"""AWS's protocols, read out of botocore's models: routing, parsing, validation, serialization, signatures.

    Request ─► route.resolve ─► Target ─► sigv4.verify ─► Identity ─► payload.opened ─► Body
                                  │
                                  ├─ parse ─► validate.validate ─► handler ─► serialize ─► Response
                                  └─ error ◄─────────────────────── a Fault

It knows no resource: what a training job is stands in a room. What the models get wrong stands in `errata`. To see the
pieces work together read `potager.gateway`.
"""
