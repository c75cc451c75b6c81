"""Reports: leaderboards in, what people read out; no torch, and no numbers of their own."""
