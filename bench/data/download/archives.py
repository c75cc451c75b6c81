"""The archives that can be fetched, and what each has to be."""

from __future__ import annotations

from dataclasses import dataclass

FASTAI = "https://s3.amazonaws.com/fast-ai-imageclas/"
"""Where fastai keeps its archives; mirrors have the same file names."""

SPLITS = ("train", "val")

IMAGENETTE_IMAGES = (9_469, 3_925)
IMAGEWOOF_IMAGES = (9_025, 3_929)


class Refused(Exception):
    """What came is not the archive that was asked for; the text says why, without a subject."""


@dataclass(frozen=True)
class Archive:
    """One published archive: a folder `<name>/` with `train/` and `val/`, one folder a class."""

    name: str
    """Of the set, of the archive without `.tgz`, and of the folder in it."""
    classes: str
    """Name of the class list in `bench.data.classes`."""
    split: str
    """Split id of both its halves."""
    images: tuple[int, int]
    """Number of training and of validation images."""
    resolution: int
    """Pixels per side that students see."""
    size: int | None = None
    """Bytes of the archive; None where nobody has published them."""
    md5: str = ""
    """Of the archive; "" where nobody has published it."""
    sha256: str = ""
    base: str = FASTAI
    """Address of the folder it lies in."""

    @property
    def file(self) -> str:
        """Return the file name of the archive."""
        return f"{self.name}.tgz"

    @property
    def verified_by(self) -> str:
        """Return the checksum that the archive is held against, or "" if there is none."""
        return "sha256" if self.sha256 else "md5" if self.md5 else ""


# Sizes: fastai/fastai @ 29be53d, fastai/data/checks.txt. fastai replaced the archives early in
# 2021; the checksums are of the files since then, which have these sizes.
#
# Imagenette. md5: torchvision 0.29, datasets/imagenette.py. sha256, with the same sizes:
# tensorflow/datasets @ 8861fc7, datasets/imagenette/checksums.tsv.
#
# Imagewoof. fastai publishes no checksum of a whole archive, and neither of the two above has it.
# md5: catalyst-team/catalyst @ 649e082, contrib/datasets/imagewoof.py, whose md5 of Imagenette are
# those of torchvision.
#
# All of these are as published; none has been held against a file downloaded for the purpose.
ARCHIVES: dict[str, Archive] = {
    archive.name: archive
    for archive in (
        Archive(
            "imagenette2", "imagenette", "fastai-v2", IMAGENETTE_IMAGES, 224,
            size=1_557_161_267,
            md5="fe2fc210e6bb7c5664d602c3cd71e612",
            sha256="6cbfac238434d89fe99e651496f0812ebc7a10fa62bd42d6874042bf01de4efd",
        ),
        Archive(
            "imagenette2-320", "imagenette", "fastai-v2-320", IMAGENETTE_IMAGES, 224,
            size=341_663_724,
            md5="3df6f0d01a2c9592104656642f5e78a3",
            sha256="569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
        ),
        Archive(
            "imagenette2-160", "imagenette", "fastai-v2-160", IMAGENETTE_IMAGES, 160,
            size=99_003_388,
            md5="e793b78cc4c9e9a4ccc0c1155377a412",
            sha256="64d0c4859f35a461889e0147755a999a48b49bf38a7e0f9bd27003f10db02fe5",
        ),
        Archive(
            "imagewoof2", "imagewoof", "fastai-v2", IMAGEWOOF_IMAGES, 224,
            size=1_343_715_595,
            md5="9aafe18bcdb1632c4249a76c458465ba",
        ),
        Archive(
            "imagewoof2-320", "imagewoof", "fastai-v2-320", IMAGEWOOF_IMAGES, 224,
            size=328_387_740,
            md5="0f46d997ec2264e97609196c95897a44",
        ),
        Archive(
            "imagewoof2-160", "imagewoof", "fastai-v2-160", IMAGEWOOF_IMAGES, 160,
            size=92_612_825,
            md5="3d200a7be99704a0d7509be2a9fbfe15",
        ),
    )
}  # fmt: skip
"""Every archive by the name of its set."""


def names_of(classes: str) -> tuple[str, ...]:
    """Return the archives of a class list, as they are registered."""
    return tuple(name for name, archive in ARCHIVES.items() if archive.classes == classes)
