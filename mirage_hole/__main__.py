"""``python -m mirage_hole`` is the command ``mirage-hole``."""

from __future__ import annotations

from mirage_hole.cli import main

if __name__ == "__main__":
    main()
