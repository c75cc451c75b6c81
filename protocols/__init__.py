"""Protocols turn a distilled set into scores; every published recipe is one instance here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.fidelity import Fidelity
from protocols.hard import HardLabel
from protocols.soft import SoftLabel

if TYPE_CHECKING:
    from bench.contracts import EvalProtocol

PROTOCOLS: dict[str, EvalProtocol] = {
    # vimar-gu/MinimaxDiffusion @ 969fc6f, train.py, data.py, argument.py: the class defaults.
    "hard/minimax": HardLabel(),
    # mchen725/DD_IGD @ 912e868, train.py. Its data pipeline and argument.py are not published:
    # augmentation, epochs, batch and tests are taken to be those of Minimax.
    "hard/igd": HardLabel(optimizer="adamw", lr=1e-3, weight_decay=0.01),
    # Westlake-AGI-Lab/IMS3 @ 2ada72c, run.sh for the rate and RandAugment(1, 6), data.py for the
    # order of operations: crops are cut from PIL images, which rounds them to 8 bits.
    "hard/ims3": HardLabel(lr=0.1, crop_rounding=True, randaugment_ops=1, randaugment_magnitude=6),
    # lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate_hardlabel.py.
    "hard/d3hr": HardLabel(
        table="d3hr",
        norm="batch",
        crop_from="stored",
        crop_scale=(0.08, 1.0),
        crop_rounding=True,
        jitter=0.0,
        lighting=0.0,
        mix="mixup",
        optimizer="adamw",
        lr=1e-3,
        weight_decay=0.01,
        decay_on="matrices",
        schedule="half-cosine",
        evaluate_after=None,
        test_resize="8/7",
    ),
    # zzzlt422/CoDA @ 0c12e44, test/train.py, scripts/CoDA.sh: Minimax's recipe on larger images.
    "hard/coda": HardLabel(resolution=256),
    # snu-mllab/Efficient-Dataset-Condensation @ ceac95a, argument.py for the class count, test.py
    # for the four tests and the norm by family.
    "hard/idc": HardLabel(table="idc", norm=None),
    # LINs-lab/RDED @ 3f6453d, argument.py, validation/main.py: the class defaults.
    "soft/rded": SoftLabel(),
    # zou-yawen/Dataset-Distillation-via-Vision-Language-Category-Prototype @ d0060eb,
    # 04_evaluation/RDED: the same code with `--re-epochs 500`.
    "soft/vlcp": SoftLabel(table="vlcp"),
    # VILA-Lab/SRe2L @ 8d00cba, relabel/relabel.sh, validate/train_FKD.sh; suduo94/D4M @ da35d10.
    # Answers of all epochs are stored, crops are cut from PIL images, an update has two passes,
    # and products are plain float32 ones.
    "soft/fkd": SoftLabel(
        table="fkd",
        patches=1,
        crop_scale=(0.08, 1.0),
        crop_rounding=True,
        schedule="cosine",
        norm_updates=1,
        passes=2,
        evaluate_offset=1,
        numerics="fp32",
        labels="stored",
    ),
    # lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate.py: no shuffle, crops of PIL images.
    "soft/d3hr": SoftLabel(table="d3hr", patches=1, crop_scale=(0.08, 1.0), crop_rounding=True),
    # The same, validation/validate_fiveteacher.py.
    "soft/d3hr-five": SoftLabel(
        table="d3hr-five", patches=1, crop_scale=(0.08, 1.0), crop_rounding=True
    ),
    # The images themselves, beside the real ones: its sources stand with the functions it calls.
    "fidelity": Fidelity(),
}

ALIASES = {"hard": "hard/minimax", "soft": "soft/rded"}
"""Short names and the protocol each stands for; records hold the long one."""
