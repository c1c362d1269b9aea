"""`potager.local()`: a private server for a test or a notebook, gone with the block.

with potager.local() as p:
    p.client("s3").create_bucket(Bucket="claims")
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from potager.cli import environment, workloads
from potager.cli.child import Child

if TYPE_CHECKING:
    from boto3.session import Session


class Local:
    """A running private server. Made by `local`.

    Attributes
    ----------
    url : where it listens.
    data : its data folder.
    region : the region of its clients unless they say another.
    env : the variables that bring any AWS client here (`AWS_ENDPOINT_URL`, ...).
    """

    def __init__(self, data: Path, settings: dict[str, str], *, temporary: bool) -> None:
        self.data = data
        self._temporary = temporary
        self._child = Child(data, ["--host", "127.0.0.1"], environ=_environment(settings), temporary=temporary)
        self._session: Session | None = None
        self.env: dict[str, str] = {}
        try:
            self.start()
        except BaseException:
            self._clean()
            raise

    def start(self) -> None:
        """Starts the server, again after `kill`, on the same data folder. Clients made before find it again."""
        self._child.start()
        self.env = environment.of(self.data)

    @property
    def url(self) -> str:
        return self.env["AWS_ENDPOINT_URL"]

    @property
    def region(self) -> str:
        return self.env["AWS_DEFAULT_REGION"]

    @property
    def pid(self) -> int | None:
        """The server's process, None after `kill` and `stop`."""
        return self._child.pid

    def session(self, region: str | None = None) -> Session:
        """A boto3 session whose clients and resources all come here."""
        from potager.cli.session import session

        return session(self.env, region or self.region)

    def client(self, service: str, region: str | None = None, **options: Any) -> Any:
        """A boto3 client of this server; `options` are `boto3.client`'s."""
        self._session = self._session or self.session()
        session: Any = self._session
        return session.client(service, region_name=options.pop("region_name", region), **options)

    def kill(self) -> None:
        """Ends the server at once, as a power cut would; `start` brings it back on what it left."""
        self._child.kill()

    def stop(self) -> None:
        """Ends the server, and all that it ran; removes its data folder if that was a temporary one."""
        self._child.stop()
        self._clean()

    def _clean(self) -> None:
        # The server did this itself when it stopped cleanly; after `kill` it is up to us.
        workloads.end(self.data)
        if self._temporary:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Local:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def local(data: str | os.PathLike[str] | None = None, region: str = "us-east-1", **settings: str | int) -> Local:
    """A private server on a free port, which ends with the `with` block, its jobs with it.

    Parameters
    ----------
    data : a data folder to keep; a temporary one, removed at the end, when it is not given.
    region : the region of its clients.
    settings : any other setting by its name, such as `account_id="123456789012"`; see docs/reference/settings.md.

    Raises
    ------
    potager.cli.child.NotStarted : the server did not come up; the message holds what it said.

    Examples
    --------
    >>> import potager
    >>> with potager.local() as p:
    ...     p.client("sts").get_caller_identity()["Account"]
    '000000000000'
    """
    texts = {name: str(value) for name, value in {"port": 0, "region": region, **settings}.items()}
    where = Path(data).expanduser().absolute() if data is not None else Path(tempfile.mkdtemp(prefix="potager-"))
    return Local(where, texts, temporary=data is None)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """The server's environment: ours less our own settings, which are not meant for a private server."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POTAGER_")}
    return kept | {f"POTAGER_{name.upper()}": value for name, value in settings.items()}
