"""Stored bytes: digests, verification, decompression, and the map from uncompressed to stored bytes."""
