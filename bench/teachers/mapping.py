"""Putting a teacher's outputs into the order of a set's labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.errors import UsageError

if TYPE_CHECKING:
    from bench.sets import DatasetCard


def columns(known: Sequence[str], card: DatasetCard, name: str) -> tuple[int, ...]:
    """Return where among a teacher's outputs every class of a set is, in label order.

    `known` is the class id of every output; more of them than the set has are left out, as those
    of a teacher of ImageNet are for a subset. () says that output k is label k. `name` is the
    teacher's, for messages.

    Raises UsageError if a class of the set is not among them, or if one is there twice.
    """
    if not known:
        return tuple(range(card.num_classes))
    places = {class_id: place for place, class_id in enumerate(known)}
    if len(places) != len(known):
        twice = next(class_id for place, class_id in enumerate(known) if places[class_id] != place)
        raise UsageError(
            f"The teacher {name!r} has two outputs for class {twice!r}: import it anew with "
            "`--classes` and one id for each output."
        )
    if len(known) < card.num_classes:
        raise wrong_count(name, len(known), card)
    missing = next((class_id for class_id in card.classes if class_id not in places), None)
    if missing is not None:
        raise UsageError(
            f"The teacher {name!r} does not know class {missing!r} of {card.name!r} (its outputs "
            f"begin {', '.join(map(repr, known[:2]))}, ...): name a teacher that was trained on "
            "these classes."
        )
    return tuple(places[class_id] for class_id in card.classes)


def wrong_count(name: str, count: int, card: DatasetCard) -> UsageError:
    """Return the error for a teacher that answers another number of classes than a set has."""
    return UsageError(
        f"The teacher {name!r} answers {count} classes, but {card.name!r} has "
        f"{card.num_classes}: name a teacher of that set, such as `soft[teacher=trained]`."
    )


class Mapped(nn.Module):
    """A network of which some outputs are taken, in a given order."""

    def __init__(self, network: nn.Module, places: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N, C]` of the chosen outputs."""
        places = self.places
        assert isinstance(places, Tensor)
        logits: Tensor = self.network(images)
        return logits.index_select(1, places)


class Ensemble(nn.Module):
    """Networks whose logits are averaged before the softmax.

    Source: lin-zhao-resoLve/D3HR @ 8ba351d, validation/validate_fiveteacher.py.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        """Return the mean of the members' logits `[N, C]`."""
        return torch.stack([member(images) for member in self.members]).mean(dim=0)


def mapped(network: nn.Module, places: Sequence[int], num_outputs: int) -> nn.Module:
    """Return a network with these outputs; itself if they are all of its own, in order."""
    if tuple(places) == tuple(range(num_outputs)):
        return network
    device = next(network.parameters()).device
    return Mapped(network, places).to(device).train(network.training)


def united(members: Sequence[nn.Module]) -> nn.Module:
    """Return one network for all members."""
    return members[0] if len(members) == 1 else Ensemble(members)
