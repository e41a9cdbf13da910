"""Compute nodes on other machines: pairing, finding them, their door on the network, and the link to each."""
