from __future__ import annotations

from pathlib import Path

import uvloop

from potager.compute.process.executor import ProcessExecutor
from potager.compute.workload import Exited, Workload
from potager.kernel.prediction import Query


def test_the_servers_own_loop_waits_and_invokes_as_any_other_does(tmp_path: Path) -> None:
    async def serve() -> tuple[bytes, Exited]:
        executor = ProcessExecutor()
        work = Workload("a", tmp_path / "a", "tests.unit.compute.programs:echo", tmp_path / "log", kind="server")
        await executor.start(work)
        channel = await executor.connect(work.folder)
        answer = (await channel.invoke(Query(b"1" * 2**20), 20)).body
        executor.stop(work.folder)
        end = await executor.wait(work.folder)
        await executor.close()
        return answer, end

    answer, end = uvloop.run(serve())
    assert answer == b"1" * 2**20
    assert (end.code, end.reason) == (0, "stopped")
