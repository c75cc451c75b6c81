"""Tunings: a generator goes on learning from the real set, in a few parameters, before it samples.

`specs` says what is learned, `difference` in which parameters, `learner` how, `run` makes artefacts
of it. Looking specs up imports no library.
"""
