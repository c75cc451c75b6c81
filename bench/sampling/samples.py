"""The images that a method samples of every class, kept so that a kill costs little.

What is sampled together decides how products are rounded, so it follows from the request alone:
the images of a class are made in the segments of a ladder (`bench.sampling.batches`), each by
itself. Ten images of a class are then one and nine more, bit for bit, and the first ten of fifty.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from bench.artefacts import key
from bench.sampling.batches import Block, blocks_of, jobs_of, segments
from bench.sampling.stored import ClassFacts, SampledClasses, SampleFiles

if TYPE_CHECKING:
    import torch

    from bench.context import Context
    from bench.generating import Generating
    from bench.generators.interface import Generator
    from bench.sampling import Sampling
    from bench.sampling.hook import Hook, Job
    from bench.sampling.sampler import Batch
    from bench.sampling.shelf import Made
    from bench.sets import DatasetCard

Progress = Callable[[int, int], None]

FORWARDS = "forwards.json"


@dataclass(frozen=True)
class Samples:
    """The images [first, last) of every class by one method and seed: one segment of the ladder.

    A kill costs the batches that were not written yet and the classes they belong to; of a method
    that needs the images before, the block of classes that go through the batches together.
    """

    revision: ClassVar[int] = 1
    resumable: ClassVar[bool] = True
    announced: ClassVar[bool] = False

    method: Any
    """The resolved method (see `bench.generating`), without its selection."""
    dataset: str
    classes: str
    """Hash of class ids, names and the generator's classes in label order: who shares batches."""
    inputs: tuple[str, ...]
    """Keys of all artefacts that the method needs."""
    ipc: int | None
    """Images that belong together; None where image k is the same whatever the IPC."""
    distillation: int
    """The distillation seed."""
    first: int
    last: int
    rows: int
    """Images sampled together at most: shapes decide how products are rounded."""
    code: str = ""
    """Hash of the file that a third party's method is in, for whoever writes at it; else ""."""

    @property
    def words(self) -> str:
        """Return what it is, for people."""
        name = type(self.method).__name__
        return f"images {self.first} to {self.last - 1} of every class of {self.dataset} by {name}"

    def needs(self) -> tuple[Samples, ...]:
        """Return the segment before, for methods that remember their images."""
        if self.method.depends_on_ipc != "grouped" or self.first == 0:
            return ()
        first, last = segments(self.first)[-1]
        return (replace(self, first=first, last=last),)

    def build(self, ctx: Context, out: Path) -> None:
        """Sample the classes that `out` does not hold yet.

        BenchError if the numbers are not finite, memory or the disk do not suffice.
        """
        from bench.sampling.cost import forwards
        from bench.sampling.hook import Want
        from bench.sampling.shelf import Shelf
        from bench.sampling.writer import Writer
        from bench.streams import Streams

        work = replace(ctx, streams=Streams((self.distillation,)))
        card = ctx.real(self.dataset).card
        generator: Generator = ctx.get(self.method.sampling.network(card, self.distillation))
        missing = SampleFiles(out).missing(card.num_classes)
        shelf = Shelf(SampleFiles(out), self.first, self.last - self.first, frozenset(missing))
        self._require_room(generator, len(missing), out)
        hook = self.method.hook(card, self.ipc or 0, work)
        with Writer(shelf.add) as writer:
            for made in self._sampled(card, generator, hook, frozenset(missing), work):
                writer.put(made)
        wants = (lambda u: Want()) if hook is None else hook.wants
        schedule = self.method.sampling.schedule(generator.card.betas)
        count = forwards(schedule, self.method.sampling.cfg, wants, generator.card.layers)
        (out / FORWARDS).write_bytes(msgspec.json.encode(count))

    def load(self, path: Path, device: torch.device) -> SampledClasses:
        """Return the images, of which none is read yet."""
        files = SampleFiles(path)
        names = [files.facts(label) for label in range(len(list(path.glob("[0-9]*.json"))))]
        facts = tuple(msgspec.json.decode(name.read_bytes(), type=ClassFacts) for name in names)
        count = msgspec.json.decode((path / FORWARDS).read_bytes(), type=float)
        return SampledClasses(self.first, self.last, count, files, facts)

    def _sampled(
        self,
        card: DatasetCard,
        generator: Generator,
        hook: Hook | None,
        missing: frozenset[int],
        ctx: Context,
    ) -> Iterator[Made]:
        """Yield all batches that hold an image of a missing class, with their images."""
        from bench.sampling.sampler import sample_batches

        sampling = self.method.sampling
        sequential = hook is not None and hook.sequential
        assert not sequential or self.method.depends_on_ipc == "grouped"
        blocks = blocks_of(self._jobs(card), self.rows, sequential=sequential)
        most = max(len(batch) for block in blocks for batch in block)
        wanted = [block for block in blocks if missing & _labels(block)]
        # What a hook remembers is of the classes of its block alone, and can be forgotten then.
        runs = wanted if sequential else [[batch for block in wanted for batch in block]]
        for number, batches in enumerate(runs):
            if sequential:
                hook = hook if number == 0 else self.method.hook(card, self.ipc or 0, ctx)
                self._remind(hook, _labels(batches), card, generator, ctx)
            progress = _part(ctx.progress, number, len(runs))
            made = sample_batches(
                generator,
                batches,
                sampling,
                ctx.streams,
                hook=hook,
                progress=progress,
                rows=most,
            )
            yield from _decoded(made, generator, sampling)

    def _jobs(self, card: DatasetCard) -> tuple[Job, ...]:
        mapping, count = self.method.sampling.mapping(), self.last - self.first
        return jobs_of(card, count, first=self.first, ipc=self.ipc or 0, class_map=mapping)

    def _remind(
        self,
        hook: Hook | None,
        labels: Set[int],
        card: DatasetCard,
        generator: Generator,
        ctx: Context,
    ) -> None:
        """Tell a hook of the images of some classes in the segments before this one."""
        import numpy as np
        import torch

        for earlier in self._earlier():
            found = ctx.get(earlier)
            for job in earlier._jobs(card):
                if job.label in labels and hook is not None:
                    latent = np.array(found.latents_of(job.label)[job.k - found.first])
                    hook.done(job, torch.from_numpy(latent).to(generator.device, generator.dtype))

    def _earlier(self) -> list[Samples]:
        """Return all segments before this one, the first one first."""
        before = self.needs()
        return [] if not before else [*before[0]._earlier(), before[0]]

    def _require_room(self, generator: Generator, classes: int, out: Path) -> None:
        from bench.preparation.per_class import require_room

        card = generator.card
        image = 3 * card.image_size**2 + 4 * math.prod(card.latent_shape)
        needed = classes * (self.last - self.first) * image
        require_room(out, needed, f"The images of {self.dataset!r}")


def samples_of(
    method: Generating, card: DatasetCard, ipc: int, distillation: int
) -> tuple[Samples, ...]:
    """Return the segments in which a resolved method samples what it needs for an IPC.

    BenchError if weights are missing.
    """
    sampling = method.sampling
    groups = 1 if sampling.select is None else sampling.select.groups
    own = replace(method, sampling=replace(sampling, select=None))
    grouped = method.depends_on_ipc == "grouped" and groups > 1
    needs = own.sampling.network(card, distillation), *own.artefacts(card, ipc)
    return tuple(
        Samples(
            own,
            card.name,
            _classes_revision(card, sampling.mapping()),
            tuple(key(need) for need in needs),
            ipc if grouped or method.depends_on_ipc == "always" else None,
            distillation,
            first,
            last,
            sampling.batch,
            _code_of(method),
        )
        for first, last in segments(groups * ipc)
    )


def _decoded(made: Iterator[Batch], generator: Generator, sampling: Sampling) -> Iterator[Made]:
    """Yield batches with their images, and with the time that both took."""
    from bench.sampling.pictures import decode
    from bench.sampling.shelf import Made

    started = time.perf_counter()
    for batch in made:
        images = decode(generator, batch.latents, sampling)
        latents = batch.latents.float().cpu().numpy()
        traces, values = (
            {name: table.numpy() for name, table in tables.items()}
            for tables in (batch.traces, batch.values)
        )
        seconds = time.perf_counter() - started
        yield Made(batch.jobs, images, latents, traces, values, batch.rows, seconds)
        started = time.perf_counter()  # not before: writing may have been waited for


def _part(progress: Progress, number: int, of: int) -> Progress:
    """Return what counts the steps of one part of several as large."""
    return lambda done, total: progress(number * total + done, of * total)


def _labels(batches: Block) -> frozenset[int]:
    return frozenset(job.label for batch in batches for job in batch)


def _classes_revision(card: DatasetCard, mapping: Mapping[str, str]) -> str:
    named = [
        (class_id, name, mapping.get(class_id, ""))
        for class_id, name in zip(card.classes, card.class_names, strict=True)
    ]
    return hashlib.sha256(msgspec.json.encode(named)).hexdigest()


def _code_of(method: Generating) -> str:
    """Return a hash of the file a method is in; "" for this project's, which have revisions."""
    if type(method).__module__.partition(".")[0] == "methods":
        return ""
    source = inspect.getsourcefile(type(method))
    return "" if source is None else hashlib.sha256(Path(source).read_bytes()).hexdigest()
