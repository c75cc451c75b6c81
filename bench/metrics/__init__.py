"""Image metrics: pure functions of features, without networks, files or students.

`gaussian` (FID), `extrapolation` (FID at infinitely many images), `kernels` (KID, MMD),
`neighbours` (precision, recall, density, coverage, nearest real images) and `means` (embedding l2
and cosine, representativeness, diversity).

Features are `[n, d]`, float64, finite, of one extractor and on one device that has float64; those
of the real set, where a function goes through them in chunks, may be of any float type. Numbers are
floats in the units of the features, and nothing is random but what takes a `torch.Generator`.
"""
