"""BuildFiles: the Dockerfile and the .dockerignore that an image was built with, as texts."""

from __future__ import annotations

from ocisize.values import frozen


@frozen(kw_only=True)
class BuildFiles:
    """A Dockerfile and the ignore file that belongs to it. The texts keep their line breaks."""

    dockerfile: str  #: its path, as reports and patches name it
    text: str  #: the text of the Dockerfile
    ignore: str = ".dockerignore"  #: the path of the ignore file that builders use, which may not exist yet
    ignore_text: str | None = None  #: None if the ignore file does not exist
    #: True if the Dockerfile is from the provenance of the image, secrets redacted: the ignore file is then unknown
    from_provenance: bool = False
