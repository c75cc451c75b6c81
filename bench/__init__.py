"""The ground all rooms stand on: data, backbones, training, records, plan, run, command line."""

__version__ = "0.1.0"
