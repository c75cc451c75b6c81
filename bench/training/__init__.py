"""Student training: `recipe` says how, `schedule` when, `loop` does it, `probe` times it.

This file imports nothing, because protocols are recipes and are read before torch is needed.
"""
