"""What the query log costs: writing, searching, exporting, and what DNS notices of a disk that is blocked or full."""
