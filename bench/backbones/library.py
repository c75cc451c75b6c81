"""Students that torchvision and timm define: classifiers only, built without weights."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UsageError


@functools.cache
def library_ids(source: str) -> tuple[str, ...]:
    """Return the ids of all classifiers of "torchvision" or "timm", sorted."""
    if source == "timm":
        import timm

        return tuple(sorted(timm.list_models()))
    from torchvision import models

    # `module=` leaves out detection, segmentation, optical flow, video and quantised models.
    return tuple(sorted(models.list_models(module=models)))


def refusal(student: str) -> str | None:
    """Return why torchvision has `student`, but not as a classifier; None if it has it not."""
    from torchvision import models

    source, _, model = student.partition("/")
    if source != "torchvision" or model not in models.list_models():
        return None
    return (
        f"`{student}` is not a plain image classifier: choose a classifier of "
        f"torchvision.models, such as 'torchvision/resnet18'."
    )


def build_library(student: str, num_classes: int, image_size: int) -> nn.Module:
    """Return `torchvision/<id>` or `timm/<id>` with fresh weights, tried on one blank image.

    Raises UsageError if the id is unknown or if the network cannot take images of `image_size`
    x `image_size` pixels; networks that are made for one size are made for this one.
    """
    source, _, model = student.partition("/")
    if model not in library_ids(source):
        raise UsageError(refusal(student) or f"{source} has no classifier {model!r}.")
    make = _timm if source == "timm" else _torchvision
    try:
        network = make(model, num_classes, image_size)
        logits = _try(network, image_size)
    # These libraries answer a wrong size with whatever happens to fail first.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UsageError(
            f"`{student}` cannot take images of {image_size} x {image_size} pixels "
            f"({_need(source, model)}; {reason}): choose another resolution or student."
        ) from error
    if not isinstance(logits, Tensor) or logits.shape != (1, num_classes):
        raise UsageError(
            f"`{student}` does not answer an image with {num_classes} logits: choose another "
            "student."
        )
    return network


def embed_library(model: nn.Module, images: Tensor) -> Tensor:
    """Return the input of the last linear layer `[N, d]`; UsageError if there is no such layer."""
    if hasattr(model, "forward_head"):  # timm's own way to these features
        timm_model: Any = model
        pooled: Tensor = timm_model.forward_head(
            timm_model.forward_features(images), pre_logits=True
        )
        return pooled.flatten(1)
    linear = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise UsageError(
            f"{type(model).__name__} has no linear layer, so it has no features to embed with: "
            "choose another network."
        )
    seen: list[Tensor] = []
    with linear[-1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])):
        model(images)
    return seen[-1]


def _torchvision(model: str, num_classes: int, image_size: int) -> nn.Module:
    from torchvision import models

    options: dict[str, Any] = {}
    if model.startswith("vit_"):
        options["image_size"] = image_size
    elif model.startswith("maxvit_"):
        options["input_size"] = (image_size, image_size)
    elif model in ("googlenet", "inception_v3"):
        # Auxiliary logits would make the training output a tuple; `init_weights` is only said
        # because these two warn when it is not.
        options |= {"aux_logits": False, "init_weights": True}
    network: nn.Module = models.get_model(model, weights=None, num_classes=num_classes, **options)
    return network


def _timm(model: str, num_classes: int, image_size: int) -> nn.Module:
    import timm

    card = timm.get_pretrained_cfg(model)
    options: dict[str, Any] = {}
    if card is not None and card.fixed_input_size:
        options["img_size"] = image_size
    network: nn.Module = timm.create_model(
        model, pretrained=False, num_classes=num_classes, **options
    )
    return network


def _try(network: nn.Module, image_size: int) -> Any:
    """Return what the network answers to one blank image, leaving it in training mode."""
    device = next(network.parameters()).device
    network.eval()
    with torch.no_grad():
        logits = network(torch.zeros(1, 3, image_size, image_size, device=device))
    network.train()
    return logits


def _need(source: str, model: str) -> str:
    """Say what size the library documents for a model."""
    if source == "timm":
        import timm

        card = timm.get_pretrained_cfg(model)
        return f"made for {card.input_size[-1]}" if card is not None else "no size documented"
    from torchvision import models

    least = models.get_model_weights(model).DEFAULT.meta["min_size"]
    return f"documented for at least {max(least)}"
