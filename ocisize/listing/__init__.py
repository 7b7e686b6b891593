"""Lists of references: what the SOURCE arguments of a fleet name.

``list_references`` in ``sources`` is the entry. ``texts`` reads files and standard input and decides what they are:
``lines`` has lists, ``documents`` JSON, ``kubernetes`` its objects. ``saved`` lists the images of folders and archives, and
``repositories`` those of registries, by the patterns of ``patterns`` and in the order of ``versions``.
"""
