"""What the data say and do not say, in plain sentences."""
