"""ToolSize: what another tool shows for an image, with its formula; LayerOnDisk: what such formulas need of a layer."""

from __future__ import annotations

import enum

from ocisize.values import frozen


class SizeStyle(str, enum.Enum):
    """How a tool writes a size for people."""

    DOCKER = "docker"  #: decimal units, three digits: ``1.2MB``; crictl writes the same
    PODMAN = "podman"  #: the same with a blank: ``1.32 MB``
    CONTAINERD = "containerd"  #: binary units, one decimal: ``347.3 KiB``
    HARBOR = "harbor"  #: binary units, two decimals: ``347.33KiB``
    BYTES = "bytes"  #: the number of bytes

    def __str__(self) -> str:
        return self.value


@frozen(kw_only=True)
class LayerOnDisk:
    """What a host writes for a layer beside the content of its files, and the content that does not reach the disk.

    >>> import ocisize
    >>> ocisize.analyze("testdata/example.tar").layers[2].on_disk.directory_count
    1
    """

    directory_count: int  #: directories, with those that the paths of the layer imply, without the root
    symlink_size: int  #: bytes of the targets of all symlinks
    long_symlink_count: int  #: symlinks with a target of 60 bytes or more, for which ext4 needs a block
    replaced_size: int  #: bytes of content that the layer itself replaces: a later entry has the path
    replaced_disk_size: int  #: the same in blocks of 4 KiB


@frozen(kw_only=True)
class ToolSize:
    """A figure that another tool shows for the image. ``ocisize.tool_sizes`` returns those of an analysis or an outline.

    >>> import ocisize
    >>> shown = ocisize.tool_sizes(ocisize.analyze("testdata/example.tar"))
    >>> [(row.tool, row.size) for row in shown if row.figure.startswith("crictl")]
    [('containerd', 1592287), ('CRI-O', 3147397)]
    """

    tool: str  #: with its store where that matters: ``Docker (overlay2)``
    figure: str  #: the command and its column, or the field of an API
    size: int | None  #: bytes; None if unknown
    formula: str  #: in the words of docs/sizes.md
    doubt: str = ""  #: why the figure is an estimate; "" if it is exact
    note: str = ""  #: what else to know about the figure; "" if nothing
    needs_layers: bool = False  #: True if the figure is unknown because the layers were not read
    style: SizeStyle = SizeStyle.BYTES  #: how the tool writes the size
    layer_sizes: tuple[int | None, ...] = ()  #: the parts of the layers, base first, if the tool shows them; else empty

    @property
    def is_exact(self) -> bool:
        """Whether the tool shows this very number of bytes; False for estimates, and for unknown figures."""
        return self.size is not None and not self.doubt
