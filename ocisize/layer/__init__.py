"""From the blobs of an image's layers to tables of files.

``reader`` is the entry: it calls ``scan`` for each layer, in the threads of ``pool``.
"""
