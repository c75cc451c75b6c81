"""What the numbers of one column say about each other: means, intervals, ties and ranks."""
