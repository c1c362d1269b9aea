"""Ray Serve, as its guide has it: one replica."""

import os
import signal

import model
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=256)
class Claims:
    def __init__(self):
        self.score = model.load()

    async def __call__(self, request: Request):
        return {"predictions": self.score((await request.json())["instances"])}


if __name__ == "__main__":
    ray.init(include_dashboard=False, num_cpus=2, configure_logging=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Claims.bind(), route_prefix="/")
    signal.sigwait([signal.SIGTERM])
    ray.shutdown()
