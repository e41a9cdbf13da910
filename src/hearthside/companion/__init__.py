"""The companion: answers with evidence, one timely offer, and home actions that wait for a tap."""
