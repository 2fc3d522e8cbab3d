"""What the user wrote (raw) and what it means (settled)."""
