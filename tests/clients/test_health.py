"""A server of one's own that says it is unwell gets no requests until it is well again."""

from __future__ import annotations

from pathlib import Path

from botocore.config import Config
from botocore.exceptions import ClientError

import potager
from tests.clients.road import Road, until
from tests.clients.test_own_server import SERVER
from tests.clients.test_sklearn_endpoint import PYTHON, ask, log, serve

PING = """200 if self.path == "/ping" else 404"""


def test_an_unwell_ping_keeps_an_instance_out_of_traffic_until_it_is_well(tmp_path: Path) -> None:
    sick = tmp_path / "sick"
    with potager.local(ping_interval=3, isolation="none") as server:  # the program sees the test's file
        road = Road(server)
        road.runtime = server.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
        program = SERVER.replace(PING, f"503 if os.path.exists({str(sick)!r}) else 200")
        endpoint = serve(road, "sick", {"serve": program}, image=PYTHON)
        assert ask(road, endpoint, "2")[0] == b"6"

        def refused() -> str:
            try:
                ask(road, endpoint, "1")
            except ClientError as error:
                return error.response["Error"]["Message"]
            return ""

        sick.touch()
        assert "no instance up" in until(refused, "the way out of traffic")
        sick.unlink()
        until(lambda: not refused(), "the way back into it")
        assert ask(road, endpoint, "3")[0] == b"9"
        assert log(server, endpoint).count("is asked for predictions") == 1  # it was not replaced
