"""Local data: names that this server has answers of its own for, and names that never leave it."""
