"""Many images: what they share, what each of them costs alone, and what is in their layers.

``read`` reads indexes, manifests and configs, and no layer. ``measure``, ``deletions`` and the modules that they use compute
figures from these documents, without I/O. ``engine/`` reads each distinct layer once.
"""
