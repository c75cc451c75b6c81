"""Methods: each turns a real set into a distilled set.

One file per method, one frozen dataclass whose fields are its whole configuration. `folder` is
not listed because it needs an argument: a request `folder:PATH` builds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from methods.dit import DiT
from methods.first import First
from methods.full import Full
from methods.herding import Herding
from methods.kcenter import KCenter
from methods.kmeans import KMeansMedoids
from methods.random_subset import RandomSubset

if TYPE_CHECKING:
    from bench.contracts import Method

METHODS: dict[str, Method] = {
    "random": RandomSubset(),
    "first": First(),
    "herding": Herding(),
    "kcenter": KCenter(),
    "kmeans": KMeansMedoids(),
    "dit": DiT(),
    "full": Full(),
}
