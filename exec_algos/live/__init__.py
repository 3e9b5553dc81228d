"""Live trading: the journal, the limits, and the session that runs orders on a real venue, or on a rehearsal, under the wall clock.

What lives here: what outlasts a process (`journal` with its `schema` and `place`), what it says (`recorded`, `status`), what bounds orders
(`limits`), which rows can be worked (`orders`), and what starts, resumes and ends them (`session`, `ended`). What may not: how a venue
talks (`brokers`), what an algorithm decides, and what a command prints (`cli`).
"""
