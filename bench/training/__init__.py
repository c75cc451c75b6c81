"""Student training: `recipe` says how, `schedule` when, `loop` does it, `probe` times it.

`sight` is what a student sees in an epoch, `targets` what it should answer.

This file imports nothing, because protocols are recipes and are read before torch is needed.
"""
