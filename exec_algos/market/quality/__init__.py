"""What is odd in bars of which each by itself can be true: sessions, one symbol at a time, against their neighbours and the calendar.

What lives here: the facts of each session, what of them lies beyond limits, and the sentences that say so. What may not: changes to bars
(`exec_algos.market.splits` makes those), and rows that cannot be true (`exec_algos.market.validate` refuses those).
"""
