"""A venue that speaks KIS's HTTP and web socket on loopback, for tests and rehearsals: strict where the real one may be.

What lives here: KIS's side of the wire around the exchange core of rehearsals, written from KIS's published contract.
What may not: anything of the client; a client and its venue share no mistake.
"""
