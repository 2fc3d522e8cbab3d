"""DNSSEC validation: told a reply and the time, it says what it must know next, or what the reply is worth.

No sockets and no clock. Only ``crypto`` knows dnspython, for signatures and DS digests, and imports it when it is first
needed: a worker that validates nothing loads neither it nor OpenSSL.
"""
