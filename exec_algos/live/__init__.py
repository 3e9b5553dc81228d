"""Live trading: the journal, the limits, and the session that runs orders on a real venue, or on a rehearsal, under the wall clock.

What lives here: what outlasts a process (`journal`), what bounds it (`limits`), and what starts, resumes and ends it. What may not:
how a venue talks (`brokers`), and what an algorithm decides.
"""
