"""torchvision's ImageNet weights by the exact name of one version, in safetensors.

torchvision itself publishes pickles. Some of its weights lie on the Hugging Face hub with the same
tensors under the same names; others come here by `bench import-teacher --weights`. The commits on
the hub are not pinned (UNVERIFIED which tensors they hold): names and shapes must agree with
torchvision's network, and the sha256 of what was read is kept with the teacher.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from bench.errors import BenchError, UsageError, unknown_name
from bench.teachers.files import WEIGHTS, read_header

FOLDER = "BENCH_TEACHERS"
"""The environment variable that names a folder of weights, `<name of the weights>.safetensors`."""

FILE = "model.safetensors"
SAFE = {
    "ResNet18_Weights.IMAGENET1K_V1": "timm/resnet18.tv_in1k",
    "ResNet34_Weights.IMAGENET1K_V1": "timm/resnet34.tv_in1k",
    "ResNet50_Weights.IMAGENET1K_V1": "timm/resnet50.tv_in1k",
    "ResNet50_Weights.IMAGENET1K_V2": "timm/resnet50.tv2_in1k",
    "ResNet101_Weights.IMAGENET1K_V1": "timm/resnet101.tv_in1k",
    "ResNet101_Weights.IMAGENET1K_V2": "timm/resnet101.tv2_in1k",
    "ResNet152_Weights.IMAGENET1K_V1": "timm/resnet152.tv_in1k",
    "ResNet152_Weights.IMAGENET1K_V2": "timm/resnet152.tv2_in1k",
}
"""Weights to their repository on the hub; that timm has kept torchvision's names of tensors is
known of ResNet-18 and UNVERIFIED of the others."""


@functools.cache
def known_weights(name: str) -> Any:
    """Return torchvision's entry for weights of ImageNet's 1000 classes.

    UsageError if there is none of this name.
    """
    from torchvision import models

    try:
        entry = models.get_weight(name)
    except (KeyError, ValueError) as error:
        raise unknown_name("weights", name, _known_names()) from error
    if len(entry.meta.get("categories", ())) != 1000 or not _models_of(entry):
        raise UsageError(
            f"{name} are not weights of a classifier of ImageNet's 1000 classes: name others, such "
            "as ResNet18_Weights.IMAGENET1K_V1."
        )
    return entry


@functools.cache
def network_of(name: str) -> str:
    """Return the student whose weights these are, such as "torchvision/resnet18"."""
    return f"torchvision/{_models_of(known_weights(name))[0]}"


def published_top1(name: str) -> float:
    """Return the accuracy in percent that torchvision states for ImageNet's validation images."""
    return float(known_weights(name).meta["_metrics"]["ImageNet-1K"]["acc@1"])


def local_weights(name: str) -> Path | None:
    """Return where the weights lie: below `BENCH_TEACHERS` or in the cache; None if they do not.

    UsageError if a file of that name says that it holds other weights.
    """
    for folder in (os.environ.get(FOLDER), cache_folder()):
        path = Path(folder).expanduser() / f"{name}.safetensors" if folder else None
        if path is not None and path.is_file():
            said = read_header(path).facts.get(WEIGHTS, name)
            if said != name:
                raise UsageError(f"{path} should hold {name}, its header says {said}: rename it.")
            return path
    return None


def require_weights(name: str) -> None:
    """Raise UsageError if weights are neither here nor to be fetched, now that nothing has begun.

    Nothing is fetched.
    """
    from huggingface_hub import try_to_load_from_cache

    from bench.data.download.network import never_fetches

    if local_weights(name) is not None:
        return
    if name not in SAFE:
        raise UsageError(_pickled_alone(name))
    if never_fetches() and not isinstance(try_to_load_from_cache(SAFE[name], FILE), str):
        raise UsageError(_missing(name, "nothing is fetched offline"))


def cache_folder() -> Path:
    """Return where imported weights of torchvision are kept."""
    from bench.artefacts import default_cache

    return default_cache() / "teachers"


def fetched_weights(name: str) -> Path:
    """Return the safetensors file of weights, from the hub if it is not here.

    BenchError if it cannot be had.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    from bench.data.download.network import is_offline

    if found := local_weights(name):
        return found
    if name not in SAFE:
        raise BenchError(_pickled_alone(name))
    try:
        return Path(hf_hub_download(SAFE[name], FILE, local_files_only=is_offline()))
    except (OSError, HfHubHTTPError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        said = "nothing is fetched offline" if is_offline() else f"cannot be fetched ({reason})"
        raise BenchError(_missing(name, said)) from error


def _missing(name: str, reason: str) -> str:
    return f"The weights {name} are not here and {reason}: connect once, or {_by_hand(name)}"


def _pickled_alone(name: str) -> str:
    return f"The weights {name} are not here and published as a pickle alone: {_by_hand(name)}"


def _by_hand(name: str) -> str:
    file = Path(known_weights(name).url).name
    return f"`bench import-teacher {file} --weights {name}`, of the file that torchvision offers."


def _models_of(entry: Any) -> list[str]:
    from torchvision import models

    names = models.list_models(module=models)
    return [name for name in names if models.get_model_weights(name) is type(entry)]


def _known_names() -> list[str]:
    from torchvision import models

    kinds = {models.get_model_weights(name) for name in models.list_models(module=models)}
    return sorted(f"{kind.__name__}.{entry.name}" for kind in kinds for entry in kind)
