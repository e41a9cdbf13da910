"""The memory guard: a small process that admits loads, watches memory, and ends a model before the machine freezes."""
