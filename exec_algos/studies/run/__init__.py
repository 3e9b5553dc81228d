"""How a study works its orders: the drivers, the curves and profiles that they are given, and worker processes.

What lives here: from orders to fills. What may not: tables for people.
"""
