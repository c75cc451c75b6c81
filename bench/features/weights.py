"""Weight files of published feature networks: looked for here, else fetched, checked before use.

    BENCH_FEATURES        a folder with the files under their published names
    <cache>/features/     what was fetched or copied
    torch's hub cache     where other programs have put them; the TorchScript file also lies in /tmp

What is found in the last two is copied before its hash is taken, because others may write there
between the hash and the use. A hash is the whole sha256 of the content, stated in this file; where
it comes from is in the comments below.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, UsageError
from bench.files import disk_full_as_error
from bench.teachers.files import sha256_of

FOLDER = "BENCH_FEATURES"
"""The environment variable that names a folder of weight files."""
NO_DOWNLOAD = (
    "`fidelity[features=embedded,embedding=embedded]` or with a `<student>@<resolution>` in place "
    "of `embedded`"
)
"""Networks that need no file."""


@dataclass(frozen=True)
class WeightFile:
    """A published file of weights."""

    name: str
    """The feature network that asks for it, for messages."""
    file: str
    """Its published name."""
    url: str
    size: int
    """Bytes."""
    sha256: str


# Neither hash is stated by those who publish the files (the first begins with the digits in the
# file's name). Both are those of several independent public repositories, crowsonkb/k-diffusion's
# evaluation.py among them; UNVERIFIED here, where neither file could be fetched.
INCEPTION_PTH = WeightFile(
    "inception-pytorch-fid",
    "pt_inception-2015-12-05-6726825d.pth",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
    "pt_inception-2015-12-05-6726825d.pth",
    95_628_359,
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
"""pytorch-fid's port of TensorFlow's Inception, a pickle."""
INCEPTION_PT = WeightFile(
    "inception-clean",
    "inception-2015-12-05.pt",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/"
    "inception-2015-12-05.pt",
    95_607_719,
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
)
"""NVIDIA's TorchScript of the same network, which clean-fid uses."""


def unheard(sentence: str) -> None:
    """Tell nobody."""


def cache_folder() -> Path:
    """Return where fetched weight files are kept."""
    from bench.artefacts import default_cache

    return default_cache() / "features"


def found(weights: WeightFile, note: Callable[[str], None] = unheard) -> Path | None:
    """Return where the file lies on this machine, its hash checked; None if it does not.

    BenchError if `BENCH_FEATURES` or the cache has another file of its name, or one that cannot be
    read; what other programs have left elsewhere is then passed over, and `note` hears of it.
    """
    for path in _own(weights):
        if _lies(path):
            check_content(path, weights.name, weights.sha256)
            return path
    for path in _elsewhere(weights):
        try:
            if not path.is_file():
                continue
            if path.stat().st_size == weights.size and sha256_of(path) == weights.sha256:
                return path
            note(f"{path} is passed over: it is not the published {weights.file}.")
        except OSError as error:
            note(f"{path} is passed over: it cannot be read ({error.strerror or error}).")
    return None


def require(weights: WeightFile) -> None:
    """Raise UsageError if the network can never have its weights; nothing is fetched.

    BenchError as `found`.
    """
    from bench.data.download.network import never_fetches

    if found(weights) is None and never_fetches():
        raise UsageError(_missing(weights, "nothing is fetched offline"))


def provided(weights: WeightFile, note: Callable[[str], None] = unheard) -> Path:
    """Return the checked file in a folder of this user, copied or fetched into the cache at need.

    BenchError if it can neither be found nor fetched, or if what came is another file.
    """
    from filelock import FileLock

    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{weights.file}.lock"), disk_full_as_error(folder):
            path = found(weights, note)
            if path in tuple(_own(weights)):
                return path
            target = folder / weights.file
            _fetch(weights, target) if path is None else _adopt(path, weights, target)
    except OSError as error:
        raise BenchError(
            f"The weights of {weights.name!r} cannot be kept in {folder} "
            f"({error.strerror or error}): set BENCH_CACHE to a folder that can be written."
        ) from error
    return target


def check_content(path: Path, name: str, sha256: str) -> None:
    """Raise BenchError unless a file has the content that feature network `name` needs."""
    try:
        content = sha256_of(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if content != sha256:
        raise BenchError(
            f"{path} is not the file that {name!r} needs, as its sha256 begins with {content[:8]} "
            f"and not with {sha256[:8]}: remove it; nothing else takes its place."
        )


def _lies(path: Path) -> bool:
    """Say whether a file is in a place of ours; BenchError if nobody can tell."""
    try:
        return path.is_file()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> BenchError:
    return BenchError(
        f"{path} cannot be read ({error.strerror or error}): let this user read it, or remove it."
    )


def _own(weights: WeightFile) -> Iterator[Path]:
    """Yield where this user puts the file, and where we do."""
    if named := os.environ.get(FOLDER):
        yield Path(named).expanduser() / weights.file
    yield cache_folder() / weights.file


def _elsewhere(weights: WeightFile) -> Iterator[Path]:
    """Yield where other programs leave the file: torch, without importing it, and clean-fid."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    torch_home = Path(os.environ.get("TORCH_HOME") or Path(caches, "torch")).expanduser()
    yield torch_home / "hub" / "checkpoints" / weights.file
    if weights.file.endswith(".pt"):
        yield Path("/tmp") / weights.file


def _adopt(path: Path, weights: WeightFile, target: Path) -> None:
    """Copy a file that others can change; BenchError if the copy is another by now."""
    aside = target.with_name(f".{target.name}")
    try:
        shutil.copyfile(path, aside)
        check_content(aside, weights.name, weights.sha256)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _fetch(weights: WeightFile, target: Path) -> None:
    """Download the file; it has its name only when it is whole and its hash is the stated one."""
    from http.client import HTTPException

    from torch.hub import download_url_to_file

    from bench.data.download.network import is_offline

    if is_offline():
        raise BenchError(_missing(weights, "nothing is fetched offline"))
    try:
        download_url_to_file(weights.url, str(target), weights.sha256, progress=False)
    except (OSError, HTTPException, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".:")
        raise BenchError(_missing(weights, f"cannot be fetched ({reason})")) from error


def _missing(weights: WeightFile, reason: str) -> str:
    return (
        f"The weights of {weights.name!r} ({weights.file}, {weights.size / 1e6:.0f} MB) are not "
        f"here and {reason}: put the file into the folder that {FOLDER} names, connect once, or "
        f"choose networks that need no download, as in {NO_DOWNLOAD}."
    )
