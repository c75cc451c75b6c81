"""Files on the Hugging Face hub: pinned revisions, safetensors only, or a local folder.

They are looked for in this order: below the folder `BENCH_GENERATORS` names, as
`<generator>/<path on the hub>`; in the hub's own cache; on the hub, where an interrupted download
is resumed. Nothing is asked of the network when all files are there, or when `--offline` or
`BENCH_OFFLINE=1` says so.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

FOLDER = "BENCH_GENERATORS"
"""The environment variable that names a folder of local generators."""


@dataclass(frozen=True)
class HubFile:
    """One file of a repository on the hub, at a fixed revision."""

    repository: str
    revision: str
    path: str
    sha256: str = ""
    """Of its content, compared after a download; "" where it is not known."""

    def cached(self) -> Path | None:
        """Return where the hub's cache has the file, or None."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repository, self.path, revision=self.revision)
        return Path(found) if isinstance(found, str) else None

    def download(self, generator: str) -> Path:
        """Return the file, downloaded if the cache lacks it; BenchError if it cannot be had."""
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

        from bench.data.download.network import is_offline

        if found := self.cached():
            return found
        if is_offline():
            raise BenchError(
                f"The weights of {generator!r} ({self.path} of {self.repository!r}) are not here "
                f"and nothing is fetched offline: run `bench fetch --generators {generator}` where "
                f"there is a network, or put the file at {generator}/{self.path} below a folder "
                f"that `{FOLDER}` names."
            )
        try:
            path = Path(hf_hub_download(self.repository, self.path, revision=self.revision))
        except (OSError, HfHubHTTPError, EntryNotFoundError) as error:
            raise BenchError(
                f"The weights of {generator!r} ({self.path} of {self.repository!r} on the Hugging "
                f"Face hub) are not here and cannot be fetched ({in_short(error)}): connect to the "
                f"network once, or put the file at {generator}/{self.path} below a folder that "
                f"`{FOLDER}` names."
            ) from error
        self._check(path)
        return path

    def _check(self, path: Path) -> None:
        if self.sha256 and (found := _sha256(path)) != self.sha256:
            raise BenchError(
                f"{self.path} of {self.repository!r} should have the sha256 {self.sha256[:12]}..., "
                f"got {found[:12]}...: remove {path} and fetch it again."
            )


@dataclass(frozen=True)
class HubModel:
    """What generators from the hub have in common: files, local or downloaded."""

    name: str
    description: str
    files: tuple[tuple[str, HubFile], ...]
    """Path below a local folder of this generator, and the file on the hub."""
    sets: tuple[str, ...] = ()

    @property
    def local(self) -> Path | None:
        """Return the local folder of this generator, if `BENCH_GENERATORS` has one."""
        root = os.environ.get(FOLDER)
        folder = Path(root).expanduser() / self.name if root else None
        return folder if folder is not None and folder.is_dir() else None

    def weights(self) -> str:
        """Return the pinned revisions, or for local files a hash of their contents."""
        folder = self.local
        if folder is None:
            return " ".join(sorted({f"{f.repository}@{f.revision}" for _, f in self.files}))
        from bench.artefacts import default_cache
        from bench.data.revision import files_revision

        names = [place for place, _ in self.files]
        self._local_files(folder)
        return "sha256:" + files_revision(folder, names, names, default_cache())

    def present(self) -> bool:
        """Say whether all files are in the local folder or in the hub's cache."""
        folder = self.local
        if folder is not None:
            return all((folder / place).is_file() for place, _ in self.files)
        return all(file.cached() for _, file in self.files)

    def fetch(self) -> tuple[Path, ...]:
        """Return the files in order, downloaded where they are missing; BenchError if they cannot.

        A local folder is used as it is: nothing is downloaded beside it.
        """
        folder = self.local
        if folder is not None:
            return self._local_files(folder)
        return tuple(file.download(self.name) for _, file in self.files)

    def _local_files(self, folder: Path) -> tuple[Path, ...]:
        for place, _ in self.files:
            if not (folder / place).is_file():
                raise BenchError(
                    f"The local generator {self.name!r} needs {folder / place}, which is not "
                    "there: add it (safetensors only, pickled weights are never read), or unset "
                    f"`{FOLDER}`."
                )
        return tuple(folder / place for place, _ in self.files)


def in_short(error: Exception) -> str:
    """Return the first sentence of an error, without its stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].split(". ")[0].rstrip(".:") if lines else type(error).__name__


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
