"""JupyterLab, for one person, on a unix socket: what a notebook instance runs.

    python -m potager.images.notebook --base /prefix/ --idle 7200

    /opt/ml/notebooks    what it shows, and where Jupyter's own settings are kept, in `.jupyter`
    /opt/ml/server.sock  where it listens; whoever reaches that may do everything, so nobody else must

It ends by itself, with 0, once nobody has used it for as long as it was told. Kernels are reached by unix sockets, too:
nothing here listens on a port.
"""

from __future__ import annotations

REQUIRES = ("jupyterlab", "ipykernel")
"""Packages beside the server's, of the extra `notebooks`."""
FOLDER = "notebooks"
"""The folder below /opt/ml."""
SOCKET = "server.sock"
"""The socket, likewise."""
