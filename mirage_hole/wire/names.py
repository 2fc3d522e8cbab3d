"""Domain names. Inside the program a name is its lower-cased, uncompressed wire form; text is for people.

Text can't be a key: ``a.b`` may be one label holding a dot or two labels, while wire forms never collide.
"""

from __future__ import annotations

MAX_NAME = 255  # octets on the wire, RFC 1035 2.3.4
MAX_LABEL = 63
MAX_IDN = 1024  # characters: more than any that fits, once encoded, and IDNA's checks are not linear

_LOWER = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_ESCAPED = frozenset(b'.\\"();@$')


class BadName(ValueError):  # noqa: N818 - reads as what it is at the raise
    """The text is no domain name; the message says why."""


def fold(wire: bytes) -> bytes:
    """Lower-case the ASCII letters of a wire-form name (RFC 4343). Length octets are below 64 and stay as they are."""
    return wire.translate(_LOWER)


def from_text(text: str) -> bytes:
    r"""``Ads.Example.com`` -> ``b'\x03ads\x07example\x03com\x00'``: lower-cased, IDN converted to A-labels (RFC 5891).

    A final dot is allowed. ``\.`` and ``\DDD`` escapes are read as in zone files (RFC 1035 5.1). In an internationalised
    name the labels that are ASCII already stay as they are: IDNA knows no underscore, and ``_dmarc`` beside one is common.

    Raises:
        BadName: empty label, label over 63 octets, name over 255 octets, a bad escape, or a label IDNA refuses.
    """
    if text in {"", "."}:
        return b"\0"
    if not text.isascii():
        text = _to_a_labels(text)
    raw = text.encode("ascii")
    labels = _unescape(raw) if b"\\" in raw else raw.removesuffix(b".").split(b".")
    parts = []
    for label in labels:
        if not label:
            raise BadName("a dot at the start, or two in a row")  # noqa: EM101
        if len(label) > MAX_LABEL:
            message = f"label of {len(label)} octets; 63 is the limit"
            raise BadName(message)
        parts.append(bytes((len(label),)) + label.translate(_LOWER))
    wire = b"".join(parts) + b"\0"
    if len(wire) > MAX_NAME:
        message = f"name of {len(wire)} octets; 255 is the limit"
        raise BadName(message)
    return wire


def to_text(wire: bytes) -> str:
    r"""Wire form to text for people, without the final dot; odd octets escaped as ``\DDD`` (RFC 1035 5.1); root is ``.``."""
    if wire == b"\0" or not wire:
        return "."
    labels = []
    at = 0
    while at < len(wire) and (length := wire[at]):
        label = wire[at + 1 : at + 1 + length]
        labels.append("".join(_octet_text(octet) for octet in label))
        at += 1 + length
    return ".".join(labels)


def labels_of(wire: bytes) -> tuple[int, ...]:
    """The offset of each label in a wire-form name, root excluded."""
    offsets = []
    at = 0
    while at < len(wire) and (length := wire[at]):
        offsets.append(at)
        at += 1 + length
    return tuple(offsets)


def _octet_text(octet: int) -> str:
    if octet in _ESCAPED:
        return "\\" + chr(octet)
    return chr(octet) if 33 <= octet <= 126 else f"\\{octet:03d}"


def _to_a_labels(text: str) -> str:
    import idna  # here, since its tables cost megabytes that a worker never needs

    if len(text) > MAX_IDN:
        message = f"{len(text)} characters; no internationalised name has more than {MAX_IDN}"
        raise BadName(message)
    try:
        mapped = idna.uts46_remap(text, std3_rules=False)
        if "\\" in mapped:  # it maps a full-width one to this, and then it would escape something
            raise BadName("a backslash in an internationalised name; write its A-label form instead")  # noqa: EM101
        labels = mapped.split(".")
        return ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
    except (idna.IDNAError, UnicodeError) as problem:
        message = f"not a valid internationalised name: {problem}"
        raise BadName(message) from None


def _unescape(raw: bytes) -> list[bytes]:
    labels = [bytearray()]
    at = 0
    while at < len(raw):
        octet = raw[at]
        at += 1
        if octet == 0x2E:
            labels.append(bytearray())
        elif octet != 0x5C:
            labels[-1].append(octet)
        elif at == len(raw):
            raise BadName("a backslash at the end escapes nothing")  # noqa: EM101
        elif not raw[at : at + 1].isdigit():
            labels[-1].append(raw[at])
            at += 1
        else:
            digits = raw[at : at + 3]
            if len(digits) < 3 or not digits.isdigit() or int(digits) > 255:
                message = f"\\{digits.decode()} is no octet; write three digits, \\000 to \\255"
                raise BadName(message)
            labels[-1].append(int(digits))
            at += 3
    if len(labels) > 1 and not labels[-1]:
        labels.pop()
    return [bytes(label) for label in labels]
