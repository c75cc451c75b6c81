"""The numbers behind the figures of a report, as pure functions of boards and records."""
