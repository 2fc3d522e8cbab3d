"""Query parameters: each checked, every problem told at once, unknown ones refused."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from mirage_hole.api.problems import Fault, Refusal
from mirage_hole.policy.verdict import Outcome
from mirage_hole.wire.codes import type_number
from mirage_hole.wire.names import BadName, from_text

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

    from multidict import MultiMapping

OUTCOMES = tuple(outcome.name.lower() for outcome in Outcome)
MAX_NAME_TEXT = 1020  # the longest name with each octet escaped


class Parameters:
    """Reads a query string; call :meth:`done` when everything was asked for."""

    def __init__(self, query: MultiMapping[str]) -> None:
        self._query = query
        self._known: list[str] = []
        self._faults: list[Fault] = []

    def number(self, name: str, default: int | None, least: int, most: int) -> int | None:
        """A whole number between ``least`` and ``most``."""
        text = self._text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 16 and least <= int(text) <= most):
            self._fault(name, f"{_shown(text)} is no whole number from {least} to {most}", f"{name}={least}")
            return default
        return int(text)

    def text(self, name: str, most: int) -> str:
        """Any text of at most ``most`` characters; empty when absent."""
        text = self._text(name) or ""
        if len(text) > most:
            self._fault(name, f"{len(text)} characters are too many", f"at most {most} characters")
            return ""
        return text

    def network(self, name: str) -> IPv4Network | IPv6Network | None:
        """An address or a network in CIDR notation."""
        text = self._text(name)
        if not text:
            return None
        try:
            return ip_network(text, strict=False)
        except ValueError:
            self._fault(
                name, f"{_shown(text)} is no address and no network", f"{name}=192.168.1.7 or {name}=192.168.1.0/24"
            )
            return None

    def address(self, name: str) -> bytes:
        """The octets of an address; empty when absent."""
        text = self._text(name)
        if not text:
            return b""
        try:
            return ip_address(text).packed
        except ValueError:
            self._fault(name, f"{_shown(text)} is no address", f"{name}=192.168.1.7")
            return b""

    def rrtype(self, name: str) -> int:
        """The number of a record type; 0 when absent."""
        text = self._text(name)
        if not text:
            return 0
        try:
            return type_number(text)
        except ValueError:
            self._fault(name, f"{_shown(text)} is no record type", f"{name}=AAAA or {name}=TYPE65")
            return 0

    def outcomes(self, name: str) -> frozenset[str]:
        """Outcomes, separated by commas; empty when absent."""
        wanted = [part.strip() for part in (self._text(name) or "").split(",") if part.strip()]
        wrong = [part for part in wanted if part not in OUTCOMES]
        if wrong:
            self._fault(name, f"unknown: {_shown(', '.join(wrong))}", f"one or more of {', '.join(OUTCOMES)}")
        return frozenset(wanted)

    def domain(self, name: str) -> bytes:
        """A domain name, required; the folded wire form."""
        text = self.text(name, MAX_NAME_TEXT)
        if not text:
            if not any(fault.where == name for fault in self._faults):
                self._fault(name, "is missing", f"{name}=doubleclick.net")
            return b"\0"
        try:
            return from_text(text)
        except BadName as problem:
            self._fault(name, f"{_shown(text)} is no domain name: {problem}", f"{name}=doubleclick.net")
            return b"\0"

    def optional_domain(self, name: str) -> str:
        """A domain name as it was written; empty when absent."""
        text = self.text(name, MAX_NAME_TEXT)
        try:
            if text:
                from_text(text)
        except BadName as problem:
            self._fault(name, f"{_shown(text)} is no domain name: {problem}", f"{name}=doubleclick.net")
            return ""
        return text

    def flag(self, name: str) -> bool:
        """``1`` or ``0``; absent: 0."""
        text = self._text(name)
        if text not in {None, "0", "1"}:
            self._fault(name, f"{_shown(text or '')} is neither 1 nor 0", f"{name}=1")
        return text == "1"

    def done(self) -> None:
        """Refuse the request when anything was wrong.

        Raises:
            Refusal: with status 400 and every fault.
        """
        for name in dict.fromkeys(self._query):
            if name not in self._known:
                instead = f"one of {', '.join(self._known)}" if self._known else "no parameters"
                self._fault(name[:80], "is no parameter of this resource", instead)
        if self._faults:
            detail = "; ".join(f"{fault.where}: {fault.what}; write {fault.instead}" for fault in self._faults[:10])
            raise Refusal(400, detail, self._faults[:10])

    def _text(self, name: str) -> str | None:
        self._known.append(name)
        values = self._query.getall(name, [])
        if len(values) > 1:
            self._fault(name, f"is given {len(values)} times", "it once")
        return values[0] if values else None

    def _fault(self, name: str, what: str, instead: str) -> None:
        self._faults.append(Fault(name, what, instead))


def no_parameters(query: MultiMapping[str]) -> None:
    """Refuse every parameter: for resources that have none.

    Raises:
        Refusal: with status 400.
    """
    Parameters(query).done()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:79] + "…")
