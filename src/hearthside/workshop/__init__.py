"""The training workshop: what may leave the house, how it is sealed, trained on, returned and provably deleted."""
