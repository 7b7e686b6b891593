"""Sources of images: docker archives, OCI layouts and archives, registries.

``open_source`` in ``open`` is the entry, with a row for each scheme in ``schemes``. ``saved`` decides by the documents in a
file or folder what image it holds, and ``open_store`` how its files are read.
"""
