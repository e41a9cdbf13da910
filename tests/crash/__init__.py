"""The crash programme itself: that it runs clean over the journal, and that it notices what it should."""
