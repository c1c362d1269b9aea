"""BentoML, as its guide has it."""

from typing import Any

import bentoml
import model


@bentoml.service(traffic={"timeout": 60}, logging={"access": {"enabled": False}})
class Claims:
    def __init__(self) -> None:
        self.score = model.load()

    @bentoml.api
    def predict(self, instances: list[list[Any]]) -> list[float]:
        return self.score(instances)
