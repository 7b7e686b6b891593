"""Registries: requests, credentials, retries and deadlines.

Where retries are decided: ``session`` repeats requests that get no answer or an answer with a retryable status, ``client``
repeats manifests that break off, ``download`` resumes blobs that break off, and ``auth`` repeats tokens that break off.
"""
