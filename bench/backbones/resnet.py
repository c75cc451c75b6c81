"""ResNet and ResNetAP: one network, two ways of halving the resolution.

ResNet halves with strided layers. ResNetAP keeps every convolution at stride 1 and halves with
average pooling, which the distillation literature prefers for its smoother gradients.

Paper:     He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; Kim et al.,
           "Dataset Condensation via Efficient Synthetic-Data Parameterization", ICML 2022.
Reference: vimar-gu/MinimaxDiffusion @ 969fc6f, train_models/resnet.py and resnet_ap.py.
Differs:   the stem follows from the image size alone, never from a dataset's name.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from bench.backbones.norms import norm_layer

BLOCKS = {
    10: (1, 1, 1, 1),
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
"""Depth to the number of blocks in each of the four stages."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, norm: str, pooled: bool) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, planes, 3, 1 if pooled else stride)
        self.bn1 = norm_layer(norm, planes)
        self.conv2 = _conv(planes, planes, 3)
        self.bn2 = norm_layer(norm, planes)
        self.downsample = _shortcut(inputs, planes, stride, norm, pooled)
        self.pool = nn.AvgPool2d(stride) if pooled and stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return features `[N, planes, H / stride, W / stride]` of `[N, inputs, H, W]`."""
        y = self.pool(torch.relu_(self.bn1(self.conv1(x))))
        y = self.bn2(self.conv2(y))
        return torch.relu_(y + self.downsample(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 convolutions, beside a shortcut."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, norm: str, pooled: bool) -> None:
        super().__init__()
        outputs = self.expansion * planes
        self.conv1 = _conv(inputs, planes, 1)
        self.bn1 = norm_layer(norm, planes)
        self.conv2 = _conv(planes, planes, 3, 1 if pooled else stride)
        self.bn2 = norm_layer(norm, planes)
        self.conv3 = _conv(planes, outputs, 1)
        self.bn3 = norm_layer(norm, outputs)
        self.downsample = _shortcut(inputs, outputs, stride, norm, pooled)
        self.pool = nn.AvgPool2d(stride) if pooled and stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return features `[N, 4 * planes, H / stride, W / stride]` of `[N, inputs, H, W]`."""
        y = torch.relu_(self.bn1(self.conv1(x)))
        y = self.pool(torch.relu_(self.bn2(self.conv2(y))))
        y = self.bn3(self.conv3(y))
        return torch.relu_(y + self.downsample(x))


class ResidualNetwork(nn.Module):
    """A stem, four stages of residual blocks, global average pooling and one linear layer.

    `width` is the number of channels of the stem; `pooled` makes it a ResNetAP. Convolutions
    are drawn from N(0, 2 / (k * k * outputs)), the linear layer as PyTorch draws it.
    """

    def __init__(
        self,
        depth: int,
        width: int,
        num_classes: int,
        image_size: int,
        norm: str,
        *,
        pooled: bool,
    ) -> None:
        super().__init__()
        block = BasicBlock if depth <= 34 else Bottleneck
        self.layer0 = _stem(width, image_size, norm, pooled)
        channels = width
        stages = []
        for stage, count in enumerate(BLOCKS[depth]):
            planes = width * 2**stage
            blocks = []
            for index in range(count):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(block(channels, planes, stride, norm, pooled))
                channels = planes * block.expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def embed(self, images: Tensor) -> Tensor:
        """Return the pooled features `[N, 8 * width * expansion]` before the linear layer."""
        x = self.layer0(images)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        pooled: Tensor = x.mean(dim=(2, 3))
        return pooled

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits `[N, C]` of images `[N, 3, H, W]`."""
        logits: Tensor = self.fc(self.embed(images))
        return logits


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)


def _shortcut(inputs: int, outputs: int, stride: int, norm: str, pooled: bool) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if pooled:
        # The pooling is there even at stride 1: published checkpoints call the norm "2".
        return nn.Sequential(
            _conv(inputs, outputs, 1), nn.AvgPool2d(stride), norm_layer(norm, outputs)
        )
    return nn.Sequential(_conv(inputs, outputs, 1, stride), norm_layer(norm, outputs))


def _stem(width: int, image_size: int, norm: str, pooled: bool) -> nn.Module:
    """Return the layers before the first stage; images up to 64 or 128 pixels lose less."""
    large, small = image_size > 128, image_size <= 64
    stride = 2 if large and not pooled else 1
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=_conv(3, width, 7 if large else 3, stride),
        bn1=norm_layer(norm, width),
        relu=nn.ReLU(inplace=True),
    )
    if not small:
        layers["pool"] = nn.AvgPool2d(4 if large else 2) if pooled else nn.MaxPool2d(3, 2, 1)
    return nn.Sequential(layers)
