"""Blocks of the documentation that are made from the code, so that they cannot go stale.

A page is written by hand; between the marks of a block stands what the code says.
"""
