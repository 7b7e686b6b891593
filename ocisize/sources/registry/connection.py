"""Connection: how to talk to registries, as the user says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocisize.values import Attribute, at_least, field, frozen

_CONNECT_SECONDS, _READ_SECONDS = 10.0, 60.0


def _positive(_: object, attribute: Attribute[Any], value: Any) -> None:
    if not all(part > 0 for part in (value if isinstance(value, tuple) else (value,))):
        raise ValueError(f"{attribute.name} must be positive, got {value}")


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value)


def _paths(value: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    return tuple(Path(path) for path in ([value] if isinstance(value, str | Path) else value))


@frozen
class Connection:
    """How to talk to registries; the defaults suit public ones.

    Raises ValueError for numbers that are not positive, and for a key without its certificate.

    >>> Connection(retries=2).deadline
    14400.0
    >>> Connection(ca_certs=["corp.pem"]).uses_tls
    True
    """

    plain_http: bool | None = None
    """True: http; False: https; None: http for loopback hosts, unless another field or the registry asks for TLS."""
    tls_verify: bool | str = True
    """False: accept any certificate; a path: trust the CA certificates of this file instead of the usual ones."""
    ca_certs: tuple[Path, ...] = field(default=(), converter=_paths)
    """Files and folders of CA certificates to trust beside the usual ones."""
    client_cert: Path | None = field(default=None, converter=_path)
    """The certificate that identifies this client to the registry, in PEM; the file may have the key, too."""
    client_key: Path | None = field(default=None, converter=_path)
    """The private key of ``client_cert``, in PEM, without a password."""
    mirrors: bool = True  #: follow the mirrors that podman and docker are configured with
    timeout: tuple[float, float] = field(default=(_CONNECT_SECONDS, _READ_SECONDS), validator=_positive)
    """Seconds to connect, and to wait for bytes."""
    retries: int = field(default=4, validator=at_least(0))
    """How often to repeat a request, and how often to resume a blob without progress."""
    pool_size: int = 8  #: connections that are kept open
    deadline: float = field(default=4 * 3600.0, validator=_positive)
    """Seconds for one layer, with all retries; manifests and configs have at most five minutes."""
    min_rate: int = field(default=1024, validator=at_least(0))
    """Bytes a second below which a response counts as broken, measured while waiting for bytes."""

    def __attrs_post_init__(self) -> None:
        if self.client_key and not self.client_cert:
            raise ValueError("client_key needs client_cert, the certificate of the key")

    @property
    def uses_tls(self) -> bool:
        """True if a field makes sense with TLS only, so that loopback hosts are asked over TLS, too."""
        return self.tls_verify is not True or bool(self.ca_certs) or self.client_cert is not None
