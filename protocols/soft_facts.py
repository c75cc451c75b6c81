"""What is said beside a soft score: of the images, of what has to be kept, and of the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.training.recipe import settled
from protocols.soft_tables import published, rate

if TYPE_CHECKING:
    from bench.context import Context
    from bench.contracts import Student
    from bench.sets import DatasetCard, DistilledSet
    from bench.studying import Fact
    from protocols.soft import SoftLabel


def check_mosaic(distilled: DistilledSet, patches: int, ctx: Context) -> None:
    """Refuse patches that cut tiles; say that whole images are cut."""
    tiles = distilled.mosaic
    if tiles > 1 and patches not in (1, tiles):
        raise BenchError(
            f"The images are mosaics of {tiles} x {tiles} tiles, but the protocol shuffles "
            f"{patches} x {patches} patches, which cuts tiles: write `soft[patches={tiles}]`."
        )
    if tiles == 1 and patches > 1:
        ctx.note(
            f"{patches} x {patches} patches of whole images change places, as in several "
            "papers: `soft[patches=1]` leaves them where they are."
        )


def facts_of_images(protocol: SoftLabel, distilled: DistilledSet) -> dict[str, Fact]:
    """Return the size of the images as crops find them, and whether patches cut whole ones."""
    from bench.data.sizes import size_of

    prefix = protocol.prefix_of(distilled.images)
    height, width = (prefix.crop,) * 2 if prefix.crop else size_of(distilled.images, 0)
    cut = distilled.mosaic == 1 and settled(protocol.patches, "patches") > 1
    return {
        "stored_size": height if height == width else f"{height} x {width}",
        "patches_on_whole_images": int(cut),
    }


def facts_of_sizes(distilled: DistilledSet, labels: int, teacher: int) -> dict[str, Fact]:
    """Return the bytes that whoever trains a student so has to keep; none for a whole set."""
    from bench.data.sizes import file_bytes

    images = None if distilled.whole else file_bytes(distilled.images)
    if images is None:
        return {"labels_bytes": labels, "teacher_bytes": teacher}
    return {
        "images_bytes": images,
        "labels_bytes": labels,
        "teacher_bytes": teacher,
        "stored_bytes": images + labels + teacher,
    }


def lr_source(protocol: SoftLabel, card: DatasetCard, student: Student | None) -> str:
    """Return whether the rate is "published", "ours" for want of one, or "given"."""
    row = published(
        protocol.table,
        card.num_classes,
        protocol.side,
        None,
        student,
        protocol.teacher,
        protocol.optimizer,
    )
    if protocol.lr != row.lr:
        return "given"
    return "published" if protocol.optimizer == "sgd" else rate(student, protocol.table)[1]
