"""Statistics of the features of real images, as metrics ask for them: once a set and network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from bench.metrics.gaussian import Gaussian


@dataclass(frozen=True, eq=False)
class Statistics:
    """What metrics ask of the real images, float64 on the device of `exact_device`."""

    gaussian: Gaussian
    """Mean `[d]` and covariance `[d, d]` of all images."""
    class_means: Tensor
    """`[C, d]`."""
    rows: Tensor
    """int64 `[m]`, ascending: the images in metrics of pairs."""
    radii: Tensor
    """`[m]`: distance of each of `rows` to the k-th neighbour among them."""
    gap: Tensor
    """`[N]`: distance to the nearest other image of the class; inf where there is none."""
    kid_within: float
    """KID's term of `rows` alone."""
    plane_mean: Tensor
    """`[d]`: origin of the plane of the pictures, the mean of `rows`."""
    plane: Tensor
    """`[2, d]`: the two principal directions of `rows`, the largest entry of each positive."""
    explained: tuple[float, float]
    """Shares of the variance of `rows` along these."""

    def tensors(self) -> dict[str, Tensor]:
        """Return all of it as tensors on the CPU, for a file."""
        import torch

        found = {
            "mean": self.gaussian.mean,
            "covariance": self.gaussian.covariance,
            "class_means": self.class_means,
            "rows": self.rows,
            "radii": self.radii,
            "gap": self.gap,
            "kid_within": torch.tensor([self.kid_within], dtype=torch.float64),
            "plane_mean": self.plane_mean,
            "plane": self.plane,
            "explained": torch.tensor(self.explained, dtype=torch.float64),
        }
        return {name: tensor.cpu().contiguous() for name, tensor in found.items()}

    @classmethod
    def of_tensors(cls, found: Mapping[str, Tensor], device: torch.device) -> Statistics:
        """Return the statistics that `tensors` has written, on a device."""
        from bench.metrics.gaussian import Gaussian

        on = {name: tensor.to(device) for name, tensor in found.items()}
        first, second = found["explained"].tolist()
        return cls(
            Gaussian(on["mean"], on["covariance"]),
            on["class_means"],
            on["rows"],
            on["radii"],
            on["gap"],
            float(found["kid_within"]),
            on["plane_mean"],
            on["plane"],
            (first, second),
        )


def statistics_of(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    num_real: int,
    neighbours: int,
    device: torch.device,
) -> Statistics:
    """Return the statistics of features `[N, d]` with labels `[N]`, computed on a device.

    ValueError for `neighbours` images or fewer.
    """
    import torch

    from bench.metrics.gaussian import Gaussian, gaussian_of
    from bench.metrics.kernels import kid_within
    from bench.metrics.neighbours import radii

    def exact(rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(features[rows]).to(device, torch.float64)

    whole = gaussian_of(torch.from_numpy(features))
    means, gap = [], torch.full((len(labels),), torch.inf, dtype=torch.float64, device=device)
    for members in _by_class(labels):
        own = exact(members)
        means.append(own.mean(dim=0))
        if len(members) > 1:
            gap[torch.from_numpy(members).to(device)] = radii(own, 1)
    rows = pair_rows(labels, num_real, neighbours)
    pairs = exact(rows)
    origin, plane, explained = _principal(pairs)
    return Statistics(
        Gaussian(whole.mean.to(device), whole.covariance.to(device)),
        torch.stack(means),
        torch.from_numpy(rows).to(device),
        radii(pairs, neighbours),
        gap,
        kid_within(pairs),
        origin,
        plane,
        explained,
    )


def pair_rows(labels: NDArray[np.int64], num_real: int, neighbours: int) -> NDArray[np.int64]:
    """Return which images enter metrics of pairs, int64 `[m]`, ascending; no chance is in it.

    All if they are `num_real` at most; else of every class a share of that number, evenly spaced
    in the order of its images, but so many as its own neighbourhoods need, if it has them.
    """
    import numpy as np

    if len(labels) <= num_real:
        return np.arange(len(labels))
    chosen = []
    for members in _by_class(labels):
        share = max(num_real * len(members) // len(labels), neighbours + 2)
        count = min(share, len(members))
        chosen.append(members[np.arange(count) * len(members) // count])
    return np.sort(np.concatenate(chosen))


def exact_device(device: torch.device) -> torch.device:
    """Return where metrics are computed: on CUDA or the CPU, as other devices lack float64."""
    import torch

    return device if device.type == "cuda" else torch.device("cpu")


def _by_class(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    import numpy as np

    return [np.flatnonzero(labels == label) for label in range(int(labels.max()) + 1)]


def _principal(features: Tensor) -> tuple[Tensor, Tensor, tuple[float, float]]:
    """Return the mean `[d]`, two principal directions `[2, d]` and their shares of the variance."""
    import torch

    mean = features.mean(dim=0)
    centred = features - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred)
    plane = vectors[:, -2:].T.flip(0)
    largest = plane.gather(1, plane.abs().argmax(dim=1, keepdim=True))
    total = float(values.clamp(min=0).sum()) or 1.0
    second, first = (max(0.0, value) / total for value in values[-2:].tolist())
    return mean, plane * largest.sign(), (first, second)
