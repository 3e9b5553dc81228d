"""Plug-ins for other people's frameworks; nothing else in the package imports them.

What lives here: one package for each framework. What may not: anything that a second framework would need; that is in `exec_algos.stepped`.
"""
