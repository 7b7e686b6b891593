"""PullTime: how long a pull takes, as a range; PullRates: the constants that the range depends on."""

from __future__ import annotations

from ocisize.values import frozen


@frozen(kw_only=True)
class UnpackRates:
    """How fast a host unpacks layers. docs/sizes.md says how the packaged ones were measured."""

    gzip: float  #: bytes of the uncompressed tar per second, from gzip
    zstd: float  #: the same from zstd
    plain: float  #: the same of a layer that is not compressed
    file_seconds: float  #: for each entry of the tar
    layer_seconds: float  #: for each layer
    pull_seconds: float  #: for each pull: the documents, and registering the image

    def seconds(self, compression: str, tar_size: float, entry_count: float) -> float:
        """Return the seconds to unpack a layer; ``compression`` is ``gzip``, ``zstd`` or ``plain``, any other is gzip.

        >>> rates = UnpackRates(gzip=100e6, zstd=200e6, plain=400e6, file_seconds=1e-4, layer_seconds=0.1, pull_seconds=0)
        >>> rates.seconds("zstd", 200_000_000, 5_000)
        1.6
        """
        speed = {"zstd": self.zstd, "plain": self.plain}.get(compression, self.gzip)
        return tar_size / speed + entry_count * self.file_seconds + self.layer_seconds


@frozen(kw_only=True)
class PullRates:
    """The constants of the model: two hosts, and how clients download."""

    fast: UnpackRates  #: of a fast host
    slow: UnpackRates  #: of a slow host
    most_downloads: int  #: layers that a client downloads at a time, at most
    least_downloads: int  #: the same of clients that download fewer
    #: of a layer that was not read, which is assumed in place of its own figures: bytes of tar for each compressed byte
    least_expansion: float
    most_expansion: float  #: the same of layers that compress well
    least_entry_size: float  #: bytes of tar for each entry, where files are small
    most_entry_size: float  #: the same where files are large


@frozen(kw_only=True)
class PullTime:
    """How long a host without any layer of the image takes to pull the image, at one bandwidth.

    >>> import ocisize
    >>> (time,) = ocisize.pull_times(ocisize.analyze("testdata/example.tar"), [100_000_000])
    >>> time.transfer_seconds <= time.least_seconds <= time.most_seconds
    True
    """

    bandwidth: int  #: bits per second
    transfer_seconds: float  #: of the transfer alone
    least_seconds: float  #: on a fast host
    most_seconds: float  #: on a slow host
    assumes_unpacking: bool = False  #: True if the layers were not read: unpacked sizes and numbers of files are assumed


@frozen(kw_only=True)
class StepPullTime:
    """What a step of the plan saves of a pull after the steps before it, at one bandwidth."""

    bandwidth: int  #: bits per second
    transfer_seconds: float  #: of the transfer alone
    least_seconds: float  #: the smaller of the savings on a fast and on a slow host
    most_seconds: float  #: the larger one
