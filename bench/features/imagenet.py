"""ResNet-18 trained on ImageNet: embeddings that have seen the labels of ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import BenchError

if TYPE_CHECKING:
    from torch import nn

IMAGENET = "resnet18-imagenet"
"""torchvision's ResNet-18, weights IMAGENET1K_V1, on images of 224 pixels."""

REPOSITORY, FILE = "timm/resnet18.tv_in1k", "model.safetensors"
"""The same weights as torchvision's, in a format that cannot run code when it is read."""


def imagenet_network() -> nn.Module:
    """Return the network in evaluation mode; BenchError if its weights cannot be had."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torchvision.models import resnet18

    from bench.data.download.network import is_offline

    model: nn.Module = resnet18()
    try:
        file = hf_hub_download(REPOSITORY, FILE, local_files_only=is_offline())
        model.load_state_dict(load_file(file))
    except (OSError, RuntimeError, HfHubHTTPError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BenchError(
            f"The weights of {IMAGENET!r} ({FILE} of {REPOSITORY} on the Hugging Face hub) cannot "
            f"be loaded ({reason}): connect to the network once, or use other `features`."
        ) from error
    return model.eval().requires_grad_(False)
