"""The way of jobs' programs to AWS's host names: an HTTPS proxy on the server's own port, and whom to trust there.

    a job's program ──CONNECT sts.us-east-1.amazonaws.com:443──► connection.py ─► proxy.py ─► the server, by its port
                    └─CONNECT pypi.org:443───────────────────────────────────────► the world, by the server's own way

The port is the server's, so a proxy's URL is as good after a restart as the endpoint's. What is costly, certificates
and their library, waits for the first job that may use the network.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from potager.cli import certificates
from potager.kernel.errors import Invalid

if TYPE_CHECKING:
    from potager.cli.authority import Authority
    from potager.cli.proxy import Admit, Proxy

log = logging.getLogger(__name__)


class Passage:
    """One server's.

    Parameters
    ----------
    data : the data folder, which holds the authority.
    url : where the server is reached, by http or https.
    environ : the server's environment: whom it trusts, and by which proxy it goes out.
    """

    def __init__(self, data: Path, url: str, environ: Mapping[str, str] = os.environ) -> None:
        self.folder = data / "ca" / "trust"
        self._data = data
        self._url = url
        self._environ = environ
        self._admit: Admit | None = None

    def open(self, admit: Admit) -> None:
        """Lets through those whom `admit` knows; nobody before."""
        self._admit = admit

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables that name files with our certificate in them, in `folder`. Takes a moment the first time."""
        return self._variables

    @functools.cached_property
    def _variables(self) -> Mapping[str, str]:
        from potager.cli import trust

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = self._authority.certificate + self._served()
        return trust.variables(ours, self.folder, self._environ)

    async def client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves a connection that has said CONNECT."""
        try:
            proxy = self._proxy
        except Invalid as fault:
            log.warning("jobs cannot reach other machines by HTTPS: %s", fault.message)
            writer.close()
            return
        await proxy.client(reader, writer)

    def context(self, *hosts: str) -> ssl.SSLContext:
        """What a server needs to answer TLS as these hosts."""
        return self._authority.context(*hosts)

    @functools.cached_property
    def _authority(self) -> Authority:
        from potager.cli.authority import Authority

        return Authority.of(self._data)

    @functools.cached_property
    def _proxy(self) -> Proxy:
        from potager.cli.proxy import Proxy
        from potager.cli.upstream import Upstream

        return Proxy(self._url, self, Upstream(self._environ), self._admit, inner=self._inner)

    def _served(self) -> bytes:
        return certificates.trusted(self._data) if self._url.startswith("https://") else b""

    def _inner(self) -> ssl.SSLContext:
        return certificates.client_context(self._served())
