"""Studies by symbol and month: the same study in parts that fit into memory, on one machine or many.

What lives here: the plan that workers get, a shard, its records, the workers, and how parts are put together. What may not: any other
way of working an order than that of `exec_algos.studies.run`.
"""
