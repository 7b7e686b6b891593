"""What docker, podman and the environment say of registries on this machine: proxies, mirrors and certificates."""
