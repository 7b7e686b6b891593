"""Build steps: which layer they made, their effects, secrets in them, the base image, lines of a Dockerfile.

``steps`` makes the build steps from the history of an image; all other modules take them.
"""
