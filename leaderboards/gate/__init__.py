"""The accuracy gate: a run held against the committed numbers of an earlier one."""
