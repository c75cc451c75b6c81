"""What papers have printed, and whether a run reproduces it."""
