"""Progress: how far the layers of an image are read."""

from __future__ import annotations

from collections.abc import Callable

from ocisize.oci.image import Layer
from ocisize.values import define, frozen


@frozen
class Progress:
    """How far one layer, and all layers together, have been read.

    While a pipe is read, it is not known which blobs are layers, how many there are and how large they are: ``layer`` counts
    the blobs from 0, ``layers`` those so far, and ``total_size`` is None.

    >>> progress = Progress(layer=0, layers=3, done=512, size=2048, layers_done=1, total_done=1536, total_size=8192)
    >>> f"layer {progress.layer}: {progress.done / progress.size:.0%}, all: {progress.total_done / progress.total_size:.0%}"
    'layer 0: 25%, all: 19%'
    """

    layer: int  #: index of the layer, 0 at the base
    layers: int  #: how many layers are read
    done: int  #: stored bytes so far
    size: int  #: stored bytes of the layer; equals ``done`` at its end
    layers_done: int = 0  #: how many layers have been read to their end
    total_done: int = 0  #: stored bytes of all layers so far
    total_size: int | None = 0  #: stored bytes of all layers that are read; None if it is not known
    image: str = ""  #: the input that is read, as it was given
    waits_for: str = ""  #: what the source waits for, if it says so: ``the Docker engine prepares app:1``


ProgressCallback = Callable[[Progress], object]


@define
class Totals:
    """How far all layers of one call are read."""

    layers: int
    size: int
    done: int = 0
    layers_done: int = 0

    def add(self, done: int, *, ended: bool) -> None:
        """Count stored bytes, and the end of a layer."""
        self.done += done
        self.layers_done += ended

    def progress(self, layer: Layer, done: int) -> Progress:
        """The progress with that of one layer."""
        return Progress(layer.index, self.layers, done, layer.descriptor.size, self.layers_done, self.done, self.size)
