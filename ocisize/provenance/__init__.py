"""Provenance attestations of BuildKit: the base image of an image, and which lines of a Dockerfile made which layer.

``record.read_record`` is where to start. ``attestation`` reads the statement, ``statement`` parses it, ``graph`` follows the
build steps from layer to layer, and ``dockerfile_text`` redacts the Dockerfile that a statement may have.
"""
