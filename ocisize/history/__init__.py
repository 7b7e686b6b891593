"""Build steps: which layer they made, their effects, secrets in them, and the base image.

``steps`` makes the build steps from the history of an image; all other modules take them.
"""
