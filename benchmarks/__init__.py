"""Measurements of speed, and of equal accuracy, beside an independently written training loop.

Not a part of the installed package: run from the root of a checkout, as README.md says.
"""
