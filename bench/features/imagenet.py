"""ResNet-18 trained on ImageNet: embeddings that have seen the labels of ImageNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from torch import nn

IMAGENET = "resnet18-imagenet"
"""torchvision's ResNet-18, weights IMAGENET1K_V1, on images of 224 pixels."""

REPOSITORY, FILE = "timm/resnet18.tv_in1k", "model.safetensors"
"""The same weights as torchvision's, in a format that cannot run code when it is read."""
SHA256 = "694f673df6520a3158624e8a89af086f59923ee4cd7436fe5bc3bc71d295ad81"
"""Of the file, as several public repositories list it: two commits of the hub carry it, so that
its content is pinned and no commit. UNVERIFIED here, where it could not be fetched."""


def imagenet_network() -> nn.Module:
    """Return the network in evaluation mode; BenchError if its weights cannot be had."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torchvision.models import resnet18

    model: nn.Module = resnet18()
    try:
        model.load_state_dict(load_file(imagenet_file()))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise _unavailable(error) from error
    return model.eval().requires_grad_(False)


def imagenet_file() -> Path:
    """Return the file of the weights, fetched if it is not here.

    BenchError if it cannot be had, or if it is another file.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    from bench.data.download.network import is_offline

    try:
        file = Path(hf_hub_download(REPOSITORY, FILE, local_files_only=is_offline()))
    except (OSError, HfHubHTTPError) as error:
        raise _unavailable(error) from error
    return _checked(file)


def imagenet_here() -> Path | None:
    """Return the file in the hub's cache; None if it is not there, BenchError if it is another."""
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(REPOSITORY, FILE)
    return _checked(Path(file)) if isinstance(file, str) else None


def require_imagenet() -> None:
    """Raise UsageError if the weights are not here and nothing is fetched offline.

    BenchError if another file has their place.
    """
    from bench.data.download.network import never_fetches

    if imagenet_here() is None and never_fetches():
        raise UsageError(
            f"The weights of {IMAGENET!r} ({FILE} of {REPOSITORY} on the Hugging Face hub) are not "
            f"here and nothing is fetched offline: run `bench fetch --features {IMAGENET}` where "
            "there is a network, or choose one that needs no download, `embedded` or "
            "`<student>@<resolution>`."
        )


def _checked(file: Path) -> Path:
    from bench.features.weights import check_content

    check_content(file, IMAGENET, SHA256)
    return file


def _unavailable(error: Exception) -> BenchError:
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    reason = line.split(". ")[0].rstrip(".")  # the hub says three sentences
    return BenchError(
        f"The weights of {IMAGENET!r} ({FILE} of {REPOSITORY} on the Hugging Face hub) cannot "
        f"be loaded ({reason}): connect to the network once, or choose features that need no "
        "download, `embedded` or `<student>@<resolution>`."
    )
