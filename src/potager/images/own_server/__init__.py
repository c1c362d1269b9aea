"""A program of the user's that is a server itself: `GET /ping` and `POST /invocations` on a port.

    serve.load ─► program.start ─► GET /ping until 200 ─► Bridge.predict ─► POST /invocations

No repository names this image: `deploy/layout` chooses it where an artifact holds a program called `serve`.
The contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations
