"""Registries: requests, credentials, mirrors, trust, retries and deadlines.

Where an image is read from: ``settings`` has the mirrors, proxies and certificates of this machine, ``source`` tries the
places in order, ``place`` finds the way to each (``ways``), and ``tls`` makes the contexts that decide whom to trust.

Logins: ``credential_files`` and ``helpers`` read what is stored, ``credentials`` searches them when the registry asks,
``login`` knows whether the login works, ``challenges`` and ``token_service`` speak the protocols, and ``auth`` decides what
is sent. ``answers`` and ``hints`` have the words for what registries answer.

Where retries are decided: ``session`` repeats requests that get no answer or an answer with a retryable status, ``client``
repeats manifests that break off, ``download`` resumes blobs that break off, and ``auth`` repeats tokens that break off.
"""
