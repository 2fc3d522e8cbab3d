"""Who may: users, sessions, tokens, second factors, and what keeps guessers out."""
