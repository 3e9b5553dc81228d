"""Brokers: the interface, and the simulated venue behind it."""
