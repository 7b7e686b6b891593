"""DevelopmentPackages: the packages of a project that are only for development, with their files in an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ocisize.values import field, frozen


@frozen(kw_only=True)
class DevelopmentPackages:
    """The packages for development of one project. Paths are as in file tables."""

    directory: bytes  #: that the packages are installed in
    package_count: int  #: of all packages in it
    names: Mapping[bytes, str]  #: of the packages for development, by the path of their root
    rows: Mapping[int, Sequence[int]]  #: by layer: the files below their roots, visible or hidden, without other packages
    sizes: Mapping[bytes, int]  #: by the path of the root: bytes of these files
    programs: frozenset[str] = frozenset()  #: that these packages bring
    scripts: Mapping[str, str] = field(factory=dict)  #: commands of the project by name
