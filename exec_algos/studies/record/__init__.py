"""What a study writes down: its tables in Arrow, its configuration, its fees.

What lives here: the form in which things are kept. What may not: the work itself.
"""
