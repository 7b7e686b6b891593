"""Sources that a worker keeps open between tasks: a token and a connection serve many layers of one repository."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ocisize.errors import ArchiveError, OcisizeError
from ocisize.layer.locks import fork_safe
from ocisize.limits import Limits
from ocisize.oci.image import Layer
from ocisize.oci.index import read_images
from ocisize.oci.reference import is_loopback, parse_reference
from ocisize.oci.source import ImageSource
from ocisize.sources.open import open_source
from ocisize.sources.registry.connection import Connection
from ocisize.values import define, field

MAX_IDLE = 8  #: sources that one process keeps open without using them

_Key = tuple[str, Connection | None]
_idle: dict[_Key, list[OpenedSource]] = {}  # in the order of last use
_lock = fork_safe(threading.Lock())


@define
class OpenedSource:
    """A source, and the layers of its images if they are known."""

    source: ImageSource
    _layers: dict[str, Layer] | None = field(default=None, init=False)
    _knows_way: bool = field(default=False, init=False)

    def find_way(self) -> None:
        """Find out whether a registry on this machine speaks http or TLS, which its first manifest shows.

        Others have one way only, and need no request before the blob: Docker Hub counts requests for manifests.
        """
        if self._knows_way or self.source.format != "registry" or self.source.reference is None:
            return
        if is_loopback(parse_reference(self.source.reference).registry):
            self.source.read_manifest()
        self._knows_way = True

    def find_layer(self, layer: Layer) -> Layer:
        """Return the layer as the source names it.

        Blobs of a registry have their digests as names. Of others, documents say how a layer is named and rebuilt.
        Raises OcisizeError.
        """
        if self.source.format == "registry":
            return layer
        if self._layers is None:
            images = read_images(self.source, keep_going=True).images.values()
            self._layers = {own.descriptor.digest: own for image in images for own in image.layers}
        found = self._layers.get(layer.descriptor.digest)
        if found is None:
            raise ArchiveError(f"{self.source.reference or 'the image'} has no layer {layer.descriptor.digest}")
        return found


@contextmanager
def borrow_source(reference: str, connection: Connection | None, limits: Limits) -> Iterator[OpenedSource]:
    """Open a source for the block, or take one that an earlier task has left; raises OcisizeError.

    A source is used by one thread at a time. One that fails is closed.
    """
    key = (reference, connection)
    with _lock:
        waiting = _idle.pop(key, [])
        opened = waiting.pop() if waiting else None
        if waiting:
            _idle[key] = waiting
    if opened is None:
        name, select = split_reference(reference)
        opened = OpenedSource(open_source(name, select=select, connection=connection, limits=limits))
    try:
        opened.find_way()
        yield opened
    except OcisizeError:  # a blob that is missing here says nothing about the others
        _give_back(key, opened)
        raise
    except BaseException:
        opened.source.close()
        raise
    _give_back(key, opened)


def split_reference(reference: str) -> tuple[str, str | None]:
    """Return what ``open_source`` takes for a reference of a fleet, which may end with ``--select`` and an image.

    >>> split_reference("'my images.tar' --select app:1"), split_reference("registry.io/app:1")
    (('my images.tar', 'app:1'), ('registry.io/app:1', None))
    """
    if " --select " in reference:
        words = shlex.split(reference)
        if len(words) == 3 and words[1] == "--select":
            return words[0], words[2]
    return reference, None


def _give_back(key: _Key, opened: OpenedSource) -> None:
    """Keep a source for the next task, and close the one that was not used for the longest time if there are too many."""
    surplus = []
    with _lock:
        of_key = _idle.pop(key, [])
        _idle[key] = [*of_key, opened]
        while sum(map(len, _idle.values())) > MAX_IDLE:
            oldest = next(iter(_idle))
            surplus.append(_idle[oldest].pop(0))
            if not _idle[oldest]:
                del _idle[oldest]
    for unused in surplus:
        unused.source.close()


def close_idle() -> None:
    """Close the sources that no task uses."""
    with _lock:
        unused = [opened for of_key in _idle.values() for opened in of_key]
        _idle.clear()
    for opened in unused:
        opened.source.close()
