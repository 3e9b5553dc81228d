"""The replayed exchange: bars in time order, and the child orders that rest in it.

What lives here: the market that all orders of a run share (`market`), a symbol's bars one by one (`stream`), a child order and its
life (`child`), and limit orders that queue (`limit_queue`). What may not: brokers, executors, strategies.
"""
