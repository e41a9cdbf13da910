"""Device clocks: from what is known of a clock to a map from its time to true time, and what cannot be believed."""
