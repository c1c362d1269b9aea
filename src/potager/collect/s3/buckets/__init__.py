"""Buckets, and what each is configured to do.

creation        made, listed and deleted            versioning      whether versions are kept, and which there are
tagging         tags                                encryption      how objects rest whose request does not say
lifecycle       rules (`rules`) that `expiry` carries out
notifications   whom a bucket tells of what happens (`records`)
cors            which pages of other origins may use it (`sharing`)
unconfigured    what can only be answered as of a new bucket
"""
