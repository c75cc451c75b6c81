"""Batches of a set of images on the device, wherever the whole set lies.

A set that fits stays on the device. A larger one stays in the host's memory, or in the file it is
mapped from, and its batches are fetched while the device is busy with the ones before. So are
those of a mapped file for a CPU, which would wait for the disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

RESIDENT_SHARE = 0.5
"""Share of the free memory of a GPU that one set of images may take; the rest is for training."""
AHEAD = 2
"""Batches that are under way while the device learns another one."""


def placed(images: Tensor, device: torch.device) -> Tensor:
    """Return the images on the device if they fit there, else as they are."""
    if device.type == "cuda" and images.device != device:
        free, _ = torch.cuda.mem_get_info(device)
        if images.nbytes > RESIDENT_SHARE * free:
            return images
    return images.to(device)


def batches(images: Tensor, indices: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield `images[index]` on the device for every index.

    `images` is `[N, 3, H, W]` on the device or on the CPU, each index int64 `[B]` on the CPU.
    """
    if images.device != device:
        yield from streamed(images, indices, device)
        return
    for index in indices:
        yield images[index.to(device, non_blocking=True)]


def streamed(images: Tensor, indices: Sequence[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Yield the same from images on the CPU; a thread gathers and copies `AHEAD` batches ahead.

    This is how batches of a mapped file are read, whatever the device.
    """
    under_way: deque[Future[Tensor]] = deque()
    waiting = iter(indices)
    with ThreadPoolExecutor(1) as thread:
        try:
            for _ in indices:
                while len(under_way) <= AHEAD and (index := next(waiting, None)) is not None:
                    under_way.append(thread.submit(_fetched, images, index, device))
                yield under_way.popleft().result()
        finally:  # the training may have been stopped between two batches
            for future in under_way:
                future.cancel()


def _fetched(images: Tensor, index: Tensor, device: torch.device) -> Tensor:
    batch = images[index]
    if device.type == "cuda":
        batch = batch.pin_memory()  # only from there a copy does not wait
    return batch.to(device, non_blocking=True)
