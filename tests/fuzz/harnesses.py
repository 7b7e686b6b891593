"""All harnesses by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.fuzz import (
    databases,
    documents,
    excerpts,
    images,
    layers,
    lists,
    mirrors,
    records,
    settings,
    steps,
    stores,
    texts,
    tocs,
)
from tests.fuzz.oracle import Harness

HARNESSES: Mapping[str, Harness] = {
    **layers.HARNESSES,
    **images.HARNESSES,
    **texts.HARNESSES,
    **steps.HARNESSES,
    **settings.HARNESSES,
    **documents.HARNESSES,
    **mirrors.HARNESSES,
    **stores.HARNESSES,
    **tocs.HARNESSES,
    **databases.HARNESSES,
    **records.HARNESSES,
    **excerpts.HARNESSES,
    **lists.HARNESSES,
}
