"""The layers of an image laid over each other: visible, wasted and duplicate files, also as dive counts them.

>>> import io, tarfile
>>> from ocisize import scan_tar
>>> from ocisize.filesystem.overlay import overlay_all
>>> def table_of(name):
...     file = io.BytesIO()
...     with tarfile.open(fileobj=file, mode="w") as archive:
...         archive.addfile(tarfile.TarInfo(name))
...     return scan_tar(io.BytesIO(file.getvalue()))
>>> overlay = overlay_all([table_of("etc/motd"), table_of("etc/.wh.motd")])
>>> [list(column) for column in overlay.hidden_by]  # layer 1 hides the row of layer 0
[[1], [-1]]
"""
