"""Where images come from: docker-archives, OCI layouts and archives, registries."""
