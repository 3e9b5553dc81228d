"""Brokers: the interface, and the simulated venue behind it.

What lives here: `BrokerAPI` (`base`), `SimulatedBroker` (`simulated`), and a broker that passes all on to another (`forwarding`).
What may not: an executor or an algorithm; a broker does not know who sends.
"""
