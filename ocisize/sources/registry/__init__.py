"""Registries: requests, credentials, retries and deadlines."""
