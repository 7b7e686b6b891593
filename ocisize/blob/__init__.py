"""The stored bytes of a layer: reading, verification and decompression.

``stream.LayerStream`` puts the parts together: chunks or a region of a local file (``region``) become the input of a
decoder (``decoder_input``), are verified on the way (``verify``, ``digest``), decompressed (``compression``,
``zstd_frames``) and mapped to the uncompressed bytes (``offset_map``).
"""
