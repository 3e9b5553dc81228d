"""What a study works: parent orders by grid, plan, draw or file; and why some were left out.

What lives here: orders before they are worked. What may not: fills and results.
"""
