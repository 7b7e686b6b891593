"""The names of markers that hide what lower layers hold."""

from __future__ import annotations

WHITEOUT = b".wh."
OPAQUE_MARKER = b".wh..wh..opq"
AUFS = b".wh..wh."  # bookkeeping of the AUFS storage driver, at the root of old layers
