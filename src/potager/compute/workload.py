"""A piece of work that runs apart from the server: what it is, how it is seen, and who can run it.

    folder/ml      what the program sees as /opt/ml: the room fills it before, and reads it after
    folder/lower   more of /opt/ml, where the room puts links to files that must stay as they are
    folder/run     the executor's own notes: claim, socket, exit record (`process/records.py`)
    folder/tmp     the program's /tmp, gone when it ends
    folder/pipes   what its named pipes are fed from, which it does not see

Two kinds. A job is called once, `entry(ml: Path)`, or executed, `argv`, and its exit is its result. A server loads a
model, `entry(ml / "model") -> Predictor`, and answers until it is stopped (`channel.py`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from potager.kernel.pipes import Pipe

if TYPE_CHECKING:  # a worker's parent imports this module, and is better off without asyncio
    from potager.compute.channel import Channel

Reason = Literal[
    "exited",
    "time limit",
    "stopped",
    "killed",
    "out of memory",
    "too many processes",
    "too much disk",
    "flooded",
    "input",
    "lost",
]


@dataclass(frozen=True, slots=True)
class Workload:
    """What to run, and within which bounds.

    Parameters
    ----------
    id : unique for ever; names the control group.
    folder : the workload's own; nothing else of the host is writable to it but a private /tmp.
    entry : `module:function`, importable by the server's own interpreter; "" where `argv` says what to run.
    kind : `job` or `server`.
    log : the log file (`kernel.logfile`) that standard output and error go to; made with its folders when absent.
    environment : all that the program finds beside a minimal environment; nothing of the server's own leaks in.
    time_limit : seconds after which it is told to end, None for never.
    grace : seconds between SIGTERM and SIGKILL.
    network : whether it may use the host's network; a loopback of its own otherwise.
    read_only : files and folders that it may read and not change, in its folder or elsewhere on the host.
        `folder/ml/input/data` always is.
    writable : folders below a read-only one that it may change all the same.
    bound : folders of the host that it finds below /opt/ml and may change, by their name there. They stay when its own
        folder goes.
    hidden : folders of the host that it must not see, such as the server's data folder.
    memory_bytes : what it may use altogether, None for no limit.
    cpus : how many threads numeric libraries may start; None for one a CPU.
    gpus : the numbers of the GPUs that it may use; None for all.
    processes : how many processes and threads it may have at a time, None for no limit.
    disk_bytes : what it may write below /opt/ml and /tmp, None for as much as the disk has.
    log_bytes : what of its log is kept, None for all; one that prints as much again is ended, should it be a job.
    argv : of a job, the program to execute and its arguments, in place of `entry`. It is looked up on PATH, where the
        server's own interpreter stands first, and starts in `/opt/ml/code` if that is there, else in `/opt/ml`.
    preface : lines that open its log, after one that says how far it is isolated.
    announcement : lines that come next, once what it needs is installed, right before its own.
    requirements : a requirements file below `ml`, to be met before the program starts: `pip install -r` in its folder.
    package : a folder below `ml` with a Python package that is to be installed likewise.
    secrets : more of its environment, which never rests on a disk.
    host : the name of the machine, as the program sees it.
    hosts : the names of all hosts of its gang (`gang.py`), itself among them; none where it works alone. The folder is
        then `<gang>/<host>`. Names resolve, each to an address of its own, and two hosts can bind one port there. Hosts
        that may not use the host's network have one of their own together.
    warm : modules. A worker whose parent has them imported (`Executor.keep_warm`) may run a Python script of `argv`
        itself, instead of executing an interpreter that would import them anew. A server's is forked from that parent.
    nice : how far it stands back behind others that want the same cores, as `nice` has it; 0 for not at all.
    programs : folders of the host whose programs come before the server's own on PATH; the executor's to fill.
    pipes : named pipes that it is fed through, below `/opt/ml`.
    """

    id: str
    folder: Path
    entry: str
    log: Path
    kind: Literal["job", "server"] = "job"
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    time_limit: float | None = None
    grace: float = 120.0
    network: bool = False
    read_only: Sequence[Path] = ()
    writable: Sequence[Path] = ()
    bound: Mapping[str, Path] = field(default_factory=dict[str, Path])
    hidden: Sequence[Path] = ()
    memory_bytes: int | None = None
    cpus: int | None = None
    gpus: Sequence[int] | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    log_bytes: int | None = None
    argv: Sequence[str] = ()
    preface: Sequence[str] = ()
    announcement: Sequence[str] = ()
    requirements: Path | None = None
    package: Path | None = None
    secrets: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    host: str = "algo-1"
    hosts: Sequence[str] = ()
    programs: Sequence[Path] = ()
    pipes: Sequence[Pipe] = ()
    warm: Sequence[str] = ()
    nice: int = 0

    @property
    def ml(self) -> Path:
        return self.folder / "ml"

    @property
    def lower(self) -> Path:
        """Files that appear in /opt/ml as if they were copied there, whatever their size.

        A program may change, replace and remove them: that shows in `ml`, and the files here stay as they are. Where
        the machine has no union mounts they are read-only in a folder that is not (`process/mounts.py`).
        """
        return self.folder / "lower"

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def dumps(self) -> str:
        """The workload as JSON, without its secrets."""
        return json.dumps(asdict(replace(self, secrets={})), default=str)

    @classmethod
    def loads(cls, text: str | bytes) -> Workload:
        """The workload that `dumps` wrote."""
        doc: dict[str, Any] = json.loads(text)
        doc["folder"], doc["log"] = Path(doc["folder"]), Path(doc["log"])
        for key in ("read_only", "writable", "hidden", "programs"):
            doc[key] = tuple(Path(path) for path in doc[key])
        for key in ("requirements", "package"):
            doc[key] = Path(doc[key]) if doc[key] else None
        for key in ("argv", "preface", "announcement", "hosts", "warm"):
            doc[key] = tuple(doc[key])
        doc["bound"] = {name: Path(path) for name, path in doc.get("bound", {}).items()}
        doc["pipes"] = tuple(map(Pipe.of, doc.get("pipes", ())))
        doc["gpus"] = None if doc["gpus"] is None else tuple(doc["gpus"])
        return cls(**doc)


def spellable(text: str) -> bool:
    """Whether the system can hand a text to a program, as an argument or a variable."""
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


@dataclass(frozen=True, slots=True)
class Absent:
    """It was never started."""


@dataclass(frozen=True, slots=True)
class Running:
    """It runs; `pid` is its shim's, the process that minds it."""

    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """It ran, and will not run again.

    code : the exit code, None when a signal ended it or nobody knows.
    signal : the signal that ended it.
    reason : who or what ended it. `lost`: its shim vanished (kill -9, a reboot) and nobody saw the end. `input`: its
        pipes could not be fed, and `detail` tells why.
    at : when, in seconds since 1970; `started` likewise.
    peak_memory : bytes resident at most, of its largest process.
    cpu_seconds : user and system time of all of its processes.
    detail : which bound it broke and what helps, or what of its input could not be had; "" where neither is so.
    """

    code: int | None
    signal: int | None
    reason: Reason
    at: float
    started: float | None = None
    peak_memory: int | None = None
    cpu_seconds: float | None = None
    detail: str = ""


Seen = Absent | Running | Exited


@dataclass(frozen=True, slots=True)
class Usage:
    """What a workload that runs has used.

    cpu : seconds of user and system time until now, of all its processes.
    memory : bytes that it holds now.
    bound : bytes that it may hold, None for no limit.
    since : when it started, in seconds since 1970.
    """

    cpu: float
    memory: int
    bound: int | None
    since: float


class Executor(Protocol):
    """Runs workloads. Belongs to one event loop; any number of executors may share the folders.

    A workload is named by its folder, and what is known of it rests there: an executor that has just been made sees
    the workloads of one that died, live or ended.
    """

    async def start(self, workload: Workload) -> None:
        """Starts it once: again for the same folder, even by another executor, does nothing."""
        ...

    def observe(self, folder: Path) -> Absent | Running | Exited:
        """What became of it. Cheap; touches a few small files."""
        ...

    def usage(self, folder: Path) -> Usage | None:
        """What it uses, None where it does not run or the system does not say. A fraction of a millisecond."""
        ...

    def stop(self, folder: Path, grace: float | None = None) -> None:
        """Tells it to end: SIGTERM, `grace` seconds (the workload's own when None), SIGKILL.

        Returns at once. One that has not started never will; one that has ended is left alone.
        """
        ...

    async def wait(self, folder: Path) -> Exited:
        """Its end, when it comes; `NotFound` for one that was never started."""
        ...

    async def connect(self, folder: Path) -> Channel:
        """A way to invoke a server. `WorkerLost` when it does not run. Answers come once it has loaded its model."""
        ...

    async def keep_warm(self, who: str, wanted: Collection[Sequence[str]]) -> None:
        """Keeps ready for workloads that want these modules imported (`Workload.warm`), and for what others want.

        Returns at once. A job that comes before its modules are imported, or after, imports them itself; a server
        waits while they are being imported.

        who : who wants them; what it wanted before is forgotten.
        """
        ...
