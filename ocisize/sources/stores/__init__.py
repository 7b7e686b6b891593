"""Stores of engines on this machine, read from disk without their daemons: containers/storage, containerd and Docker.

``containers_storage``, ``containerd`` and ``docker_store`` have a source each. Layers that a store keeps as unpacked files
are rebuilt by ``unpacked_layer``: from tar-split, which has the bytes of the tar that are no content, or by a walk of the
files.
"""
