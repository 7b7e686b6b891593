"""Trust: the TLS contexts of a client, one for its registry's host and one for all other hosts.

Authorities: those that the environment names, else the system's, and beside them those of the user's options and of
``certs.d``. As in podman and docker, the authorities for a registry are also those of the token services and storage hosts
that it leads to, which companies give certificates of the same authority. The client certificate is for the host of the
registry alone.
"""

from __future__ import annotations

import os
import re
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from ocisize.errors import RegistryError
from ocisize.sources.registry.connection import Connection
from ocisize.sources.registry.settings.host_certificates import find_certificates
from ocisize.sources.registry.settings.machine import Machine, list_folder

_FOLDER_VARIABLE = "SSL_CERT_DIR"
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # files or folders in place of all authorities of the system
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_ENDINGS = (".crt", ".pem", ".cer")
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # the names that openssl rehash gives the files of a folder
_PASSWORD_TEXT = "the key needs a password"  # noqa: S105 - a message


class Trust:
    """Makes the TLS contexts of one client when they are first needed; threads may share it.

    ``registry`` is ``host[:port]`` as references have it.
    """

    def __init__(self, connection: Connection, registry: str, machine: Machine) -> None:
        self._connection, self._registry, self._machine = connection, registry, machine
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context(self, *, for_registry: bool) -> ssl.SSLContext:
        """Return the context for the host of the registry, or for other hosts.

        Raises RegistryError, which names the file, for files that hold no certificate or no usable key.
        """
        with self._lock:
            if for_registry not in self._contexts:
                self._contexts[for_registry] = self._make(for_registry=for_registry)
            return self._contexts[for_registry]

    def _make(self, *, for_registry: bool) -> ssl.SSLContext:
        connection = self._connection
        own = find_certificates(self._registry, self._machine)
        if connection.tls_verify is False:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context = self._trusting_context()
            for path in (*connection.ca_certs, *own.authorities):
                _add_authorities(context, path)
        if for_registry:
            named = connection.client_cert and (connection.client_cert, connection.client_key)
            if client := named or own.client:
                _add_client(context, *client)
        return context

    def _trusting_context(self) -> ssl.SSLContext:
        """Return a context with the authorities of ``tls_verify``, of the environment or of the system."""
        verify = self._connection.tls_verify
        named = [("", Path(verify))] if isinstance(verify, str) else list(_environment_files(self._machine.environment))
        if not named:
            return _system_context()
        context = _empty_context()
        for variable, path in named:
            _add_authorities(context, path, named_by=variable)
        return context


def _environment_files(environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Yield the files and folders of authorities that the environment names, each once, with the variable.

    As in OpenSSL and Go, ``SSL_CERT_FILE`` takes the place of the system's file only, and ``SSL_CERT_DIR`` of its folder.
    """
    file, folders = environment.get("SSL_CERT_FILE", ""), environment.get(_FOLDER_VARIABLE, "")
    if file or folders:
        paths = ssl.get_default_verify_paths()
        file = file or (paths.openssl_cafile if Path(paths.openssl_cafile).is_file() else "")
        folders = folders or paths.openssl_capath
    # OpenSSL skips missing folders, too
    values = [(_FOLDER_VARIABLE, folder) for folder in folders.split(os.pathsep) if folder and Path(folder).is_dir()]
    values += [("SSL_CERT_FILE", file), *((name, environment.get(name, "")) for name in _BUNDLE_VARIABLES)]
    variables = {value: variable for variable, value in reversed(values) if value}
    for value, variable in variables.items():
        yield variable, Path(value)


def _empty_context() -> ssl.SSLContext:
    """Return a context that verifies certificates and host names, and trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as in Go, a trusted certificate need not be a root
    return context


def _system_context() -> ssl.SSLContext:
    """Return a context with the authorities of the operating system.

    On Linux and BSD those are files, which OpenSSL finds if it came with the system. Otherwise truststore finds them, or
    asks macOS or Windows. Systems without any have those of certifi.
    """
    is_unix = sys.platform not in ("darwin", "win32")
    if is_unix and _openssl_finds_authorities():
        context = _empty_context()
        context.set_default_verify_paths()
        return context
    import truststore

    found: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if is_unix:
        import certifi

        found.load_verify_locations(certifi.where())
    return found


def _openssl_finds_authorities() -> bool:
    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile) or (paths.capath is not None and _is_hashed(Path(paths.capath)))


def _is_hashed(folder: Path) -> bool:
    return any(_HASHED.fullmatch(path.name) for path in list_folder(folder))


def _add_authorities(context: ssl.SSLContext, path: Path, *, named_by: str = "") -> None:
    """Trust the CA certificates of a PEM file, or of the files of a folder; raise RegistryError if there are none."""
    where = f"{named_by}: {path}" if named_by else str(path)
    if path.is_dir():
        if _is_hashed(path):
            context.load_verify_locations(capath=path)
            return
        files = [file for file in list_folder(path) if file.suffix in _ENDINGS and _CERTIFICATE in _read(file)]
        if not files and named_by != _FOLDER_VARIABLE:
            raise RegistryError(f"{where}: the folder has no certificates in PEM format ({', '.join(_ENDINGS)})")
    else:
        files = [path]
    for file in files:
        _load_authorities(context, file, where if file == path else str(file))


def _load_authorities(context: ssl.SSLContext, file: Path, where: str) -> None:
    try:
        context.load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise RegistryError(f"{where}: no CA certificates in PEM format") from None
    except OSError as error:
        raise RegistryError(f"{where}: {_reason(error)}") from None


def _add_client(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Use a client certificate and its key; raise RegistryError if they cannot be used."""
    for path in filter(None, (certificate, key)):
        text = _read(path)
        if path == certificate and _CERTIFICATE not in text:
            raise RegistryError(f"{path}: no client certificate in PEM format")
        if path == (key or certificate) and b"PRIVATE KEY-----" not in text:
            hint = None if key else "name the file of its key with --client-key FILE"
            raise RegistryError(f"{path}: no private key in PEM format", hint=hint)
    try:
        context.load_cert_chain(certificate, key, password=_refuse_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise RegistryError(f"{key or certificate}: the key does not belong to the certificate {certificate}") from None
        raise RegistryError(f"{certificate}: the client certificate or its key cannot be used: {error.reason}") from None
    except ValueError:
        path = key or certificate
        raise RegistryError(
            f"{path}: {_PASSWORD_TEXT}", hint=f"write the key without its password: openssl pkey -in {path} -out KEY"
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RegistryError(f"{path}: {_reason(error)}") from None


def _refuse_password() -> str:
    """Keep OpenSSL from asking for the password of a key on the terminal."""
    raise ValueError(_PASSWORD_TEXT)


def _reason(error: OSError) -> str:
    return "no such file" if isinstance(error, FileNotFoundError) else (error.strerror or type(error).__name__).lower()
