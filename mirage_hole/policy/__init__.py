"""Who asks plus what is asked gives a verdict."""
