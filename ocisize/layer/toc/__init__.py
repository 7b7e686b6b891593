"""Tables of contents: layers whose files are listed in a few bytes of the blob, read without the rest of it.

``scan.scan_toc`` is the place to start reading. eStargz and zstd:chunked store such a table at the end of the blob, and the
manifest has its digest. A SOCI index is another artifact with a table (zTOC) for each layer, and the manifest has the
digest of the index. A table that cannot be verified, or that contradicts itself, is not used: the layer is read.

``find``
    which layers of an image have tables

``position``
    what the annotations of a layer say: the format, the place and the digests of its table
``footer``
    the last bytes of a blob, which say where the table is if the annotations do not
``stored``
    the table as stored: decompressed in pieces, and verified
``documents``
    its JSON, one entry at a time
``entries``
    the entries: checked, and put into the columns of a file table
``rows``
    the rows of a file table, of any format
``spans``
    which stored bytes are those of which file
``soci``, ``ztoc``, ``flatbuffer``, ``checkpoints``
    SOCI: the index, its tables, their encoding, and decompressing from the middle of a gzip stream
``contents``
    the few files that an analysis reads, such as package databases, by ranges of the blob

Specifications: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md and
https://github.com/containers/storage/blob/main/docs/containers-storage-zstd-chunked.md,
https://github.com/awslabs/soci-snapshotter/blob/main/docs/soci-index.md.
"""
