"""What the person turns to, from every layer: how strongly now, which way it goes, and how fast each kind fades."""
