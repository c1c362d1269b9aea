"""Buckets and what is in them.

    /data                       buckets.py         the buckets; /new/bucket makes one
    /data/<bucket>              browsing.py        folders and objects, a page at a time; delete several
    /data/<bucket>/settings     configuration.py   versions, encryption, and the end of an empty bucket
    /data/<bucket>/object       objects.py         what is known of one, its versions, a link to share it
    /data/<bucket>/preview      preview.py         what its beginning shows; /raw for pictures and sounds
    /data/<bucket>/upload...    uploading.py       files from a browser, streamed
    /data/<bucket>/download     delivery.py        an object's bytes, to keep

A key may hold anything (`a//b`, `..`, `%`, a line end), so it travels as `?key=`, never in the path; forms carry it
percent-encoded, because browsers change line ends.
"""

from __future__ import annotations

from potager.studio.pages.data import browsing, buckets, configuration, delivery, objects, preview, uploading

MODULES = (buckets, configuration, delivery, preview, objects, uploading, browsing)
ROUTES = [route for module in MODULES for route in module.ROUTES]
