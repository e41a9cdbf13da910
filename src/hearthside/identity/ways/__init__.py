"""Ways to unlock a vault: each wraps the newest root key in its own manner, one file per kind."""
