"""The tar scanner: reads the tar of a layer once and returns a table of its files.

The modules are one unit. ``scanner.scan_tar`` is the place to start reading; it does the work for plain files,
directories and links itself and leaves everything else to the other modules.

``scanner``
    the loop over the headers, written for speed: about 1.3 µs per entry
``window``
    the part of the stream that is in memory, and reading on in it
``field_cache``
    numeric header fields, parsed once per distinct value of the field or of its halves
``usual_records``
    PAX headers of times and a path, read in the window
``special_entries``
    all other entries: with more PAX records, GNU long names, devices, sparse files
``sparse``
    the maps of sparse files, in four forms
``sparse_reader``
    reading sparse files: their maps, contents and hashes
``header``
    the formats of header fields, as functions of bytes
``content_hash``
    the two functions that hash the content of files
``table_builder``
    the columns while they grow, 1,024 rows at a time
``filetable``
    the result: one frozen table, one column per field
``excerpt_rows``
    the rows of the executables and jars that a table has excerpts of
``paths``
    the column of paths, and their one clean form

Bytes move in this order: stream → window → header → table builder → file table.
"""
