"""Parents with libraries imported: for whom they are kept, and what comes from them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.compute.conftest import Bench

LIBRARY = "wsgiref"


def _parent(folder: Path) -> int:
    shim = json.loads((folder / "run" / "shim.json").read_text())["pid"]
    return int(Path(f"/proc/{shim}/stat").read_text().rpartition(")")[2].split()[1])


async def _server(bench: Bench, **changes: object) -> int:
    """The process that a server's worker was forked from; the worker is ended."""
    work = bench.make("echo", kind="server", warm=(LIBRARY,), **changes)
    await bench.executor.start(work)
    parent = _parent(work.folder)
    bench.executor.stop(work.folder, 0.0)
    await bench.executor.wait(work.folder)
    return parent


async def test_a_parent_is_kept_while_anybody_wants_it(bench: Bench) -> None:
    plain = bench.executor.parent_pid or await _server(bench)
    await bench.executor.keep_warm("jobs", [(LIBRARY,)])
    await bench.executor.keep_warm("endpoints", [(LIBRARY,)])
    warm = await _server(bench)
    assert warm != plain
    await bench.executor.keep_warm("jobs", [])
    assert await _server(bench) == warm
    await bench.executor.keep_warm("endpoints", [])
    assert await _server(bench) == plain


async def test_a_server_whose_libraries_would_start_otherwise_comes_from_the_plain_parent(bench: Bench) -> None:
    await bench.executor.keep_warm("endpoints", [(LIBRARY,)])
    warm = await _server(bench)
    assert await _server(bench, environment={"OMP_NUM_THREADS": "1"}) == bench.executor.parent_pid != warm
