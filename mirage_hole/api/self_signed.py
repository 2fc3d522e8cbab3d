"""A certificate that this server signs itself: nobody can listen in, though browsers can't know who it is and warn once."""

from __future__ import annotations

import datetime
import os
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mirage_hole.api.certificate import BadCertificate, Pem, facts_of, read_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAYS: Final = 397
"""Browsers take no longer ones (CA/Browser Forum, ballot SC31)."""
RENEW_BEFORE: Final = 30 * 86400.0
"""Seconds before the end."""
FILE: Final = "web-certificate.pem"
"""In the state directory: key and certificate."""


def own_pair(directory: Path, names: Iterable[str], now: float | None = None) -> Pem:
    """The pair that is kept, or a new one when there is none, it ends soon, or it lacks one of these names and addresses.

    Raises:
        OSError: it can't be written.
    """
    now = time.time() if now is None else now
    path = directory / FILE
    wanted = _usable(names)
    try:
        pem = read_files(str(path), str(path))
        facts = facts_of(pem)
    except BadCertificate:
        pass
    else:
        if facts.begins <= now < facts.ends - RENEW_BEFORE and set(wanted) <= set(facts.names):
            return pem
    octets = make(wanted, now)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return Pem(octets, octets)


def make(names: Iterable[str], now: float) -> bytes:
    """A new key (P-256) and its certificate, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = [_general(name) for name in names]
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Mirage Hole")])
    begins = datetime.datetime.fromtimestamp(now - 3600, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _usable(names: Iterable[str]) -> tuple[str, ...]:
    """What a certificate can name: addresses in canonical form, names of ASCII letters."""
    kept: dict[str, None] = {}
    for name in names:
        try:
            kept[str(ip_address(name.partition("%")[0]))] = None
        except ValueError:
            if name.isascii() and 0 < len(name) <= 253:
                kept[name.lower()] = None
    return tuple(kept)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
