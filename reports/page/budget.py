"""How much of a run stands on one page, so that it stays small enough to be sent and opened."""

MOST_CELLS = 60_000
"""Table cells; of boards beyond them the caption and the best group stand there."""
LARGE_CELLS = 15_000
"""Table cells beyond which a browser lays out what is in sight only."""
PAPER_COLUMNS = 25
"""Columns of a table whose numbers stay on one line on paper."""
DRAWN_BOARDS = 12
"""Boards that have figures, in every section."""
FIGURES = 24
"""Figures of one section."""
OPEN_FIGURES = 2
"""Figures of one section that are shown at once; the others are opened."""
NAMES = 12
"""Names below a figure that have no room in it."""
RELATIONS = 500
"""Rank correlations in their table."""
OPEN_RELATIONS = 12
"""Rank correlations whose table is shown at once; longer ones are opened."""
IMAGE_BYTES = 8_000_000
"""Of contact sheets, as they are embedded."""
QUOTES = 200
"""Published numbers beside measured ones."""
FAILURES = 50
"""Failures that are told with their tracebacks, those that say the same once."""
UNITS = 12
"""Units that are named of failures that say the same."""
TRACEBACK_LINES, TRACEBACK_CHARACTERS = 40, 4_000
"""The end of a traceback that is shown."""
COMMANDS = 40
"""Values of one fact of the provenance."""
PAGE_BYTES = 20_000_000
"""What a page of any size stays below."""
