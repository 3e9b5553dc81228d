"""The exchange core of rehearsal venues: orders, books around recorded bars, auctions, accounts, faults, and the server before it.

What lives here: what a venue is on its own side of the wire. What may not: anything of ours but `market` and `errors`, so that a client
and its venue share no mistake; nothing but `testing`, `cli` and the tests imports it.
"""
