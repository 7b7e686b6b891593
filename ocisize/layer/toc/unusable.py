"""Unusable: why a table of contents is not used."""

from __future__ import annotations


class Unusable(Exception):
    """The table of contents of a layer is not used, for the reason in the message; the layer is read instead."""
