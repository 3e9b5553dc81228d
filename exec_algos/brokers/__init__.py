"""Brokers: the interface, the simulated venue behind it, and the live broker over a real one.

What lives here: `BrokerAPI` (`base`), `SimulatedBroker` (`simulated`), a broker that passes all on to another (`forwarding`); what a
venue's adapter is (`venue`), and `LiveBroker` (`live`), which is cut into: whose turn it is to ask (`requests`), where a child may be sent
(`lanes`), which orders are known (`known`), sending, following, applying what is said, resolving what is unknown, cancelling, and the
market (`market_data`).
What may not: an executor or an algorithm; a broker does not know who sends.
"""
