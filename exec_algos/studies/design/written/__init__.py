"""A desk's orders as people write them: sides, quantities, times and columns of a file, each read as meant or refused.

What lives here: text and what it means. What may not: bars, sessions, and whether an order can be worked.
"""
