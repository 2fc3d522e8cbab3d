"""A certificate and its key, read from files and checked: what is wrong is told in sentences before a connection finds out."""

from __future__ import annotations

import os
import ssl
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from mirage_hole.api.problems import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_OCTETS: Final = 256 * 1024
"""Of a file; a chain has a few thousand."""
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secret and authenticated ones alone (RFC 9325 section 4.2). Those of TLS 1.3 all are."""
CERTIFICATE, KEY = "web.certificate", "web.key"


class BadCertificate(Exception):  # noqa: N818 - reads as what it is at the raise
    """The files can't be used; ``faults`` says why."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{one.where}: {one.what}; {one.instead}" for one in self.faults))


class Pem(NamedTuple):
    """What was read."""

    certificate: bytes
    key: bytes


class Facts(NamedTuple):
    """What a certificate says."""

    names: tuple[str, ...]
    """Names and addresses that it is for."""
    begins: float
    """Seconds since the epoch, as ``ends``."""
    ends: float


def read_files(certificate: str, key: str) -> Pem:
    """Read both.

    Raises:
        BadCertificate: one of them can't be read.
    """
    faults: list[Fault] = []
    found = [_read(where, path, faults) for where, path in ((CERTIFICATE, certificate), (KEY, key))]
    if faults:
        raise BadCertificate(dict.fromkeys(faults))
    return Pem(*found)


def open_key(path: str) -> list[Fault]:
    """A warning when others on this machine can read the key's file; a group may, as Debian's ssl-cert does."""
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:
        return []
    if mode & (stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
        return [Fault(KEY, f"{path} can be read or changed by others on this machine", f"chmod 640 {path}")]
    return []


def facts_of(pem: Pem) -> Facts:
    """What the certificate says, which is the first in its file.

    Raises:
        BadCertificate: it is none, the key is none, or they do not belong together.
    """
    faults: list[Fault] = []
    certificate = None
    try:
        certificate = x509.load_pem_x509_certificates(pem.certificate)[0]
    except ValueError:
        faults.append(
            Fault(CERTIFICATE, "there is no certificate in it", "write a file with -----BEGIN CERTIFICATE-----")
        )
    try:
        key = serialization.load_pem_private_key(pem.key, None)
    except TypeError:
        what = "has a password, which nobody is there to type"
        faults.append(Fault(KEY, what, "make one without: openssl pkey -in KEY -out NEWKEY"))
    except ValueError:
        faults.append(Fault(KEY, "there is no private key in it", "write a file with -----BEGIN PRIVATE KEY-----"))
    else:
        if certificate is not None and _public(certificate.public_key()) != _public(key.public_key()):
            faults.append(
                Fault(KEY, "belongs to another certificate", "write the key that the certificate was made for")
            )
    if faults or certificate is None:
        raise BadCertificate(faults)
    return Facts(
        _names(certificate), certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    )


def untimely(facts: Facts, now: float) -> list[Fault]:
    """Whether it has ended or not begun."""
    if now >= facts.ends:
        return [Fault(CERTIFICATE, f"expired at {_day(facts.ends)}", "renew it")]
    if now < facts.begins:
        what = f"is valid from {_day(facts.begins)} on, and it is {_day(now)} here"
        return [Fault(CERTIFICATE, what, "set this machine's clock, or wait")]
    return []


def context_of(pem: Pem) -> ssl.SSLContext:
    """What connections are made with: TLS 1.2 and newer.

    Raises:
        BadCertificate: OpenSSL does not take the pair.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    # OpenSSL reads files alone; what was checked is what it gets, whatever has become of the files since.
    fd = os.memfd_create("mirage-hole-tls", os.MFD_CLOEXEC)
    try:
        _write(fd, pem.key.rstrip() + b"\n" + pem.certificate)
        context.load_cert_chain(f"/proc/self/fd/{fd}", password=lambda: b"")
    except ssl.SSLError as problem:
        what = f"OpenSSL does not take it ({problem.reason or problem})"
        raise BadCertificate(
            [Fault(CERTIFICATE, what, "take a certificate with a key of at least 2048 bits RSA, or ECDSA")]
        ) from None
    finally:
        os.close(fd)
    return context


def problems_of(certificate: str, key: str, now: float | None = None) -> tuple[list[Fault], list[Fault]]:
    """All problems and warnings of a pair of files, for ``mirage-hole config check``."""
    warnings = open_key(key)
    try:
        pem = read_files(certificate, key)
        facts = facts_of(pem)
        context_of(pem)
    except BadCertificate as bad:
        return list(bad.faults), warnings
    return untimely(facts, time.time() if now is None else now), warnings


def _read(where: str, path: str, faults: list[Fault]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            octets = file.read(MAX_OCTETS + 1)
    except OSError as problem:
        instead = "let the account of the server read it" if problem.errno in {1, 13} else "write the right file"
        faults.append(Fault(where, f"{path}: {problem.strerror}", instead))
        return b""
    if len(octets) > MAX_OCTETS:
        faults.append(Fault(where, f"{path} is larger than {MAX_OCTETS // 1024} KiB", "write the right file"))
    return octets


def _write(fd: int, octets: bytes) -> None:
    while octets:
        octets = octets[os.write(fd, octets) :]


def _public(key: object) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return bytes(key.public_bytes(serialization.Encoding.DER, kind))  # type: ignore[attr-defined]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (*told.get_values_for_type(x509.DNSName), *map(str, told.get_values_for_type(x509.IPAddress)))


def _day(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(moment))
