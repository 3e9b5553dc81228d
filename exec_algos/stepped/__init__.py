"""A driver for other people's loops: somebody else owns the bars and calls us once a bar.

What lives here: the broker that is stepped (`broker`), its venue (`venue`), the hours that bars show (`hours`), and the bars so far
(`bar_log`). What may not: any framework's own classes; those are in `exec_algos.ext`.
"""
