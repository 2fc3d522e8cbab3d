"""DNS messages: bytes to meaning and back. Pure, bounded and linear; no library sees a packet before this does."""
