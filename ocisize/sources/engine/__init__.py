"""Images of a running engine, by the Engine API of Docker and by that of podman.

``endpoint`` finds the socket, ``client`` talks to it, and ``image`` reads the archive that the engine makes as a pipe.
API: https://docs.docker.com/reference/api/engine/ and https://docs.podman.io/en/latest/_static/api.html.
"""
