"""Sources of images: docker archives, OCI layouts and archives, registries."""
