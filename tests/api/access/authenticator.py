"""An authenticator made of software (WebAuthn section 6): ES256, attestation ``none``."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 1, 4, 64


def encoded(octets: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Of that."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """One key for one host."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    identifier: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: str = ""

    def make(self, options: dict[str, Any], name: str = "key") -> dict[str, Any]:
        """What a browser sends after ``navigator.credentials.create``."""
        self.handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        cose = (
            b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"
            + numbers.x.to_bytes(32)
            + b"\x22\x58\x20"
            + numbers.y.to_bytes(32)
        )
        attested = bytes(16) + len(self.identifier).to_bytes(2) + self.identifier + cose
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + len(data).to_bytes(2) + data
        return {
            "name": name,
            "id": encoded(self.identifier),
            "client_data": encoded(self._client("webauthn.create", options["challenge"])),
            "attestation": encoded(attestation),
        }

    def sign(self, options: dict[str, Any]) -> dict[str, Any]:
        """What a browser sends after ``navigator.credentials.get``."""
        self.count += 1
        data = self._data(options["rpId"], self.flags)
        client = self._client("webauthn.get", options["challenge"])
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return {
            "id": encoded(self.identifier),
            "client_data": encoded(client),
            "authenticator_data": encoded(data),
            "signature": encoded(signature),
            "user_handle": self.handle,
        }

    def _data(self, host: str, flags: int) -> bytes:
        return sha256(host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4)

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()
