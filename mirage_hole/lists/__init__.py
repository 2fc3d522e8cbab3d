"""List text to rules: one small parser a format, complaints with line numbers."""
