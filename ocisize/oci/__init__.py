"""OCI and Docker documents: references, platforms, images and indexes."""
