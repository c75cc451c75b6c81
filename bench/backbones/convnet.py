"""ConvNet-D, the plain convolutional student of the distillation literature.

Paper:     Zhao et al., "Dataset Condensation with Gradient Matching", ICLR 2021.
Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, train_models/convnet.py.
Differs:   images have three channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.backbones.norms import norm_layer


class ConvolutionalNetwork(nn.Module):
    """`depth` blocks of convolution, norm, ReLU and pooling, then one linear layer.

    Every block halves the resolution (rounded down), and nothing is pooled globally: the linear
    layer reads all that is left, so its size depends on `image_size`. Weights are drawn as
    PyTorch's layers draw them.
    """

    def __init__(
        self, depth: int, width: int, num_classes: int, image_size: int, norm: str
    ) -> None:
        super().__init__()
        channels = [3] + [width] * depth
        # All convolutions come before all norms: this order of parameters is the published one.
        self.layers = nn.ModuleDict(
            {
                "conv": nn.ModuleList(
                    nn.Conv2d(channels[d], channels[d + 1], 3, padding=1) for d in range(depth)
                ),
                "norm": nn.ModuleList(norm_layer(norm, width) for _ in range(depth)),
            }
        )
        self.pool = nn.AvgPool2d(2)
        side = image_size // 2**depth
        self.classifier = nn.Linear(width * side * side, num_classes)

    def embed(self, images: Tensor) -> Tensor:
        """Return the flattened features `[N, width * side * side]` before the linear layer."""
        x = images
        convs, norms = self.layers["conv"], self.layers["norm"]
        assert isinstance(convs, nn.ModuleList)
        assert isinstance(norms, nn.ModuleList)
        for conv, norm in zip(convs, norms, strict=True):
            x = self.pool(torch.relu(norm(conv(x))))
        return x.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N, C]` of images `[N, 3, image_size, image_size]`."""
        logits: Tensor = self.classifier(self.embed(images))
        return logits
