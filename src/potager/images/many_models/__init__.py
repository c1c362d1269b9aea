"""Many models of one image in one worker, loaded and unloaded as the platform says.

    order: load a folder as NAME ─► the image's own `load`, in a space of its own modules ─► kept by its name
    request for NAME             ─► that predictor

No repository names this image: `deploy/layout` chooses it for a container whose Mode is MultiModel.
"""

from __future__ import annotations
