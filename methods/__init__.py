"""Methods: each turns a real set into a distilled set.

One file per method, one frozen dataclass whose fields are its whole configuration. `folder` is
not listed because it needs an argument: a request `folder:PATH` builds it. `s3` is a selection and
`minimax` and `im` are tunings, which every method with a generator can carry: `dit[select=s3]`,
`mgd3[weights=im]`; `ims3` is both.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.sampling import Sampling
from bench.sampling.subgroups import S3
from bench.tuning.specs import CONDENSED, InversionMatching, Minimax
from methods.dap import DAP
from methods.dit import DiT
from methods.first import First
from methods.full import Full
from methods.herding import Herding
from methods.igd import IGD
from methods.kcenter import KCenter
from methods.kmeans import KMeansMedoids
from methods.manifoldgd import ManifoldGD
from methods.mgd3 import MGD3
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
    "mgd3": MGD3(),
    "manifoldgd": ManifoldGD(),
    "igd": IGD(),
    "dap": DAP(),
    "s3": DiT(Sampling(select=S3())),
    "minimax": DiT(Sampling(weights=Minimax())),
    "im": DiT(Sampling(weights=InversionMatching())),
    "ims3": DiT(Sampling(weights=CONDENSED, select=S3())),
    "full": Full(),
}
"""What "all" means."""

PRESETS: dict[str, Method] = {
    "mgd3/code": MGD3(),
    "mgd3/paper": MGD3(discovery="mixture"),
    "manifoldgd/code": ManifoldGD(draws="own", scale="published"),
    "manifoldgd/paper": ManifoldGD(projection="tangent", pick="multiscale", scale="published"),
    "igd/paper": IGD(scale="published"),
    "dap/paper": DAP(strength=1.0, pooling="none", real="clean"),
    "s3/code": DiT(Sampling(select=S3(alpha=0.4, beta=0.9))),
    "s3/paper": DiT(Sampling(select=S3(convention="paper", start="random"))),
    "minimax/code": DiT(Sampling(weights=Minimax(decay=0.9999, labels="rank"))),
    "igd/minimax": IGD(Sampling(weights=Minimax())),
    "im/paper": DiT(
        Sampling(weights=InversionMatching(inversion="chain", offset=0, clip=False, decay=0.9999))
    ),
    "ims3/code": DiT(
        Sampling(
            weights=replace(CONDENSED, pairing="all", labels="rank", decay=0.9999),
            select=S3(alpha=0.4, beta=0.9),
        )
    ),
}
"""Settings of these methods as papers or released code have them on every set. They are known by
name and no part of "all"; results go by the identity of the method."""
