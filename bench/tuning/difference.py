"""What a tuning learns: differences to the biases, scales and label table of a frozen transformer.

Paper:     Xie et al., "DiffFit: Unlocking Transferability of Large Diffusion Models via Simple
           Parameter-Efficient Fine-Tuning", ICCV 2023.
Reference: vimar-gu/MinimaxDiffusion @ 62fc435, models.py and train_dit.py.
Differs:   parameters are differences (of scales: to 1), called as in facebookresearch/DiT but for
           the scales, so that 0 is the network as it was. diffusers keeps a label table and a
           timestep MLP in every block; one difference is added to all of them, which is the tied
           training of the reference where these copies are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.hooks import RemovableHandle

Shapes = dict[str, tuple[int, ...]]


class Difference(nn.Module):
    """The trainable parameters, all 0 at first."""

    def __init__(self, shapes: Shapes, device: torch.device, dtype: torch.dtype) -> None:
        """Take the shape of every parameter by its original name."""
        super().__init__()
        for name, shape in shapes.items():
            zeros = torch.zeros(shape, device=device, dtype=dtype)
            self.register_parameter(_key(name), nn.Parameter(zeros))

    @classmethod
    def of(cls, transformer: Any) -> Self:
        """Return no difference to a `DiTTransformer2DModel`, of its device and type.

        Nothing of the transformer but its layout is used.
        """
        return cls(_shapes(transformer), transformer.device, transformer.dtype)

    def names(self) -> tuple[str, ...]:
        """Return the original names, in the order of the parameters."""
        return tuple(key.replace("/", ".") for key, _ in self.named_parameters())

    def value(self, name: str) -> Tensor:
        """Return the parameter of an original name."""
        parameter: Tensor = getattr(self, _key(name))
        return parameter

    def attach(self, transformer: Any) -> Attached:
        """Make the transformer compute with the difference until the handle is closed.

        Its own parameters stay as they are. ValueError if it is not frozen and in eval mode, or if
        it has another layout.
        """
        if transformer.training or any(part.requires_grad for part in transformer.parameters()):
            raise ValueError(
                "A difference acts on a frozen transformer in eval mode (in training mode each "
                "block drops labels by itself): call `.eval().requires_grad_(False)` first."
            )
        _require_fit(transformer, {name: self.value(name) for name in self.names()})
        return Attached(
            place.module.register_forward_hook(partial(self._changed, place))
            for place in _places(transformer)
        )

    def _changed(
        self, place: _Place, module: nn.Module, args: tuple[Tensor, ...], output: Tensor
    ) -> Tensor:
        """Return a module's output as the changed module would give it."""
        shift, scale = place.change(self.value)
        if isinstance(module, nn.Embedding):
            shift = functional.embedding(args[0], shift)
        elif isinstance(module, nn.Conv2d):
            shift = shift[:, None, None]
        changed = output + shift
        if scale is not None:
            changed = changed * scale
        return changed.to(output.dtype)  # under autocast, which the difference is not part of


class Attached:
    """A difference that acts; closing it, or leaving it as a context, ends that."""

    def __init__(self, handles: Iterator[RemovableHandle]) -> None:
        self._handles = tuple(handles)

    def close(self) -> None:
        """Let the transformer compute without the difference."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def tensors_of(difference: Difference) -> dict[str, Tensor]:
    """Return copies of all parameters by original name, float32 and contiguous on the CPU."""
    return {
        name: difference.value(name).detach().to("cpu", torch.float32, copy=True).contiguous()
        for name in difference.names()
    }


@torch.no_grad()
def fold(transformer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Change the transformer's weights, in place, to what it computes with a difference.

    Products and sums are those of the parameters' type, float32 at least. ValueError, before
    anything is changed, if tensors are missing, unknown or of another shape.
    """
    _require_fit(transformer, tensors)
    wide = torch.promote_types(transformer.dtype, torch.float32)

    def value(name: str) -> Tensor:
        return tensors[name].to(transformer.device, wide)

    for place in _places(transformer):
        shift, scale = place.change(value)
        weight = place.module.weight
        if isinstance(place.module, nn.Embedding):
            weight.copy_(weight.to(wide) + shift)
            continue
        changed = place.module.bias.to(wide) + shift
        if scale is not None:
            weight.copy_(weight.to(wide) * scale[:, None])
            changed = changed * scale
        place.module.bias.copy_(changed)


@dataclass(frozen=True, eq=False)
class _Place:
    """A module of diffusers' transformer and what of the difference changes its output."""

    module: Any
    """A linear layer, the convolution of the patches, or a label table."""
    shift: str
    """What is added to the bias, or to the table."""
    scales: tuple[str | None, ...] = ()
    """What then multiplies equal parts of the output, less 1; None leaves a part as it is."""
    third: int | None = None
    """Which third of both is meant: diffusers splits the layer of queries, keys and values."""

    def shapes(self) -> Shapes:
        """Return the shapes of all that is named here."""
        table = isinstance(self.module, nn.Embedding)
        rows = len(self.module.weight) * (1 if self.third is None else 3)
        scales = {name: (rows // len(self.scales),) for name in self.scales if name}
        return {self.shift: tuple(self.module.weight.shape) if table else (rows,)} | scales

    def change(self, value: Callable[[str], Tensor]) -> tuple[Tensor, Tensor | None]:
        """Return what is added to the bias or table, and the factors of the sum if there are."""
        shift, scale = value(self.shift), None
        if self.scales:
            one = shift.new_zeros(len(shift) // len(self.scales))
            scale = 1 + torch.cat([value(name) if name else one for name in self.scales])
        if self.third is None:
            return shift, scale
        return shift.chunk(3)[self.third], None if scale is None else scale.chunk(3)[self.third]


def _places(transformer: Any) -> Iterator[_Place]:
    """Yield all modules that a difference acts on; one that blocks share is yielded once."""
    blocks = transformer.transformer_blocks
    yield _Place(transformer.pos_embed.proj, "x_embedder.proj.bias")
    embeds = [block.norm1.emb for block in blocks]
    for name, copies in (
        ("t_embedder.mlp.0.bias", [embed.timestep_embedder.linear_1 for embed in embeds]),
        ("t_embedder.mlp.2.bias", [embed.timestep_embedder.linear_2 for embed in embeds]),
        ("y_embedder.embedding_table.weight", [e.class_embedder.embedding_table for e in embeds]),
    ):
        yield from (_Place(module, name) for module in dict.fromkeys(copies))
    for number, block in enumerate(blocks):
        yield from _places_of(block, f"blocks.{number}", scaled=number < len(blocks) // 2)
    yield _Place(transformer.proj_out_1, "final_layer.adaLN_modulation.1.bias")
    yield _Place(transformer.proj_out_2, "final_layer.linear.bias")


def _places_of(block: Any, name: str, scaled: bool) -> Iterator[_Place]:
    """Yield those of a block. Only the first half of all blocks has scales."""
    attention, (widen, _, narrow) = block.attn1, block.ff.net
    on_qkv = (f"{name}.attn.gamma_qkv",) if scaled else ()
    on_proj = (f"{name}.attn.gamma_proj",) if scaled else ()
    # Of shift, scale and gate for the attention, then for the MLP, as the layer gives them.
    on_gates = (None, None, f"{name}.gamma_attn", None, None, f"{name}.gamma_mlp") if scaled else ()
    for third, module in enumerate((attention.to_q, attention.to_k, attention.to_v)):
        yield _Place(module, f"{name}.attn.qkv.bias", on_qkv, third)
    yield _Place(attention.to_out[0], f"{name}.attn.proj.bias", on_proj)
    yield _Place(widen.proj, f"{name}.mlp.fc1.bias")
    yield _Place(narrow, f"{name}.mlp.fc2.bias")
    yield _Place(block.norm1.linear, f"{name}.adaLN_modulation.1.bias", on_gates)


def _shapes(transformer: Any) -> Shapes:
    return {name: shape for place in _places(transformer) for name, shape in place.shapes().items()}


def _require_fit(transformer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Raise ValueError with the names of what is missing, unknown or of another shape."""
    shapes = _shapes(transformer)
    wrong = {name: tuple(tensors[name].shape) for name in shapes if name in tensors}
    faults = [
        *(f"{name} is missing" for name in shapes if name not in tensors),
        *(f"{name} is unknown" for name in tensors if name not in shapes),
        *(
            f"{name} has the shape {shape} and not {shapes[name]}"
            for name, shape in wrong.items()
            if shape != shapes[name]
        ),
    ]
    if faults:
        raise ValueError(f"The tensors are no difference to this network: {'; '.join(faults)}.")


def _key(name: str) -> str:
    # A parameter's own name cannot hold a dot.
    return name.replace(".", "/")
