"""Build steps: which layer they made, their commands, secrets in them, the base image, lines of a Dockerfile."""
