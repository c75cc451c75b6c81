"""Who has to be cited for a run."""
