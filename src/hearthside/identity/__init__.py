"""Vault keys, tokens and scopes: who may open what."""
