"""Pages and API of the station: companion, day, memory, training, health."""
