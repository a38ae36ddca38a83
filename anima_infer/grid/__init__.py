"""A/B grids: specification, plan, run, sheet, report, blind review, statistics.

Does it change the image, and which one is better? Paired seeds, one thing changed at a time, and an answer with an
interval.
"""
