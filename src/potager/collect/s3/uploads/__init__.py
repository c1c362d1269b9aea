"""Multipart uploads: begun, fed with parts and ended (`multipart`), listed (`listing`)."""
