"""Executors: how units are carried out. All call `run_unit` and leave the same records."""
