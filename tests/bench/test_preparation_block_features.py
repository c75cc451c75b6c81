import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from bench.artefacts import ArtefactStore
from bench.context import Context
from bench.errors import BenchError
from bench.generators import Pretrained
from bench.generators.card import Betas
from bench.images import ArrayImages
from bench.preparation import block_features
from bench.preparation.block_features import BlockFeatures, pooled
from bench.preparation.latents import RealLatents
from bench.sampling.schedule import kept_at
from bench.sets import DatasetCard, ImageSet, RealSet
from bench.streams import Streams

CPU = torch.device("cpu")
SIZES = (5, 3)
CLASSES = ("c4", "c1")
LATENTS = RealLatents("tiny", "a" * 64, "tiny", "seed 0")
FEATURES = BlockFeatures(LATENTS, "block1", "none", count=4)


@dataclass
class Given:
    """Gives the generator and latents made in a test, and builds nothing."""

    contents: dict

    def get(self, artefact, ctx):
        return self.contents[type(artefact)]


@dataclass
class Classes:
    arrays: list

    def of_class(self, label):
        return self.arrays[label]


@pytest.fixture(scope="module")
def generator(make_generator):
    return make_generator()


@pytest.fixture(scope="module")
def latents():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(size, 4, 8, 8)).astype(np.float16) for size in SIZES]


@pytest.fixture
def ctx(tmp_path, generator, latents):
    card = DatasetCard(
        name="tiny",
        classes=CLASSES,
        class_names=("one", "two"),
        train_split="made",
        test_split="made",
        train_revision="a" * 64,
        test_revision="b" * 64,
        class_sizes=SIZES,
        resolution=8,
        features="embedded",
    )
    nothing = ImageSet(ArrayImages(np.zeros((0, 8, 8, 3), np.uint8)), np.zeros(0, np.int64), "")
    real = RealSet(card, nothing, nothing)
    store = Given({Pretrained: generator, RealLatents: Classes(latents)})
    return Context(CPU, Streams((0,)), tmp_path, store, {"tiny": real}.__getitem__)


def built(artefact, ctx, folder):
    folder.mkdir(exist_ok=True)
    artefact.build(ctx.for_artefact(artefact.seed, folder), folder)
    return artefact.load(folder, CPU)


def expected(generator, latents, class_id, t=0, layer="block1"):
    """Return the layer's output for latents `[n, C, h, w]`, one at a time."""
    rows = []
    for row in torch.from_numpy(np.asarray(latents)).float():
        cond = generator.condition([class_id])
        with torch.no_grad():
            rows.append(generator.features(row[None], torch.tensor([t]), cond, layer)[0])
    return torch.stack(rows).flatten(1).numpy()


def test_features_are_the_layers_output_under_the_class(ctx, generator, latents, tmp_path):
    found = built(replace(FEATURES, count=5), ctx, tmp_path / "made")
    for label, class_id in enumerate(CLASSES):
        features = found.of_class(label)
        assert features.dtype == np.float16
        assert features.shape == (1, SIZES[label], 16 * 16)
        whole = expected(generator, latents[label], class_id)
        np.testing.assert_allclose(features[0].astype(float), whole, atol=2e-3, rtol=2e-3)


def test_some_images_are_chosen_from_a_larger_class_and_all_of_a_smaller_one(
    ctx, generator, latents, tmp_path
):
    found = built(FEATURES, ctx, tmp_path / "made")
    whole = expected(generator, latents[0], "c4")
    gaps = np.abs(found.of_class(0)[0].astype(float)[:, None] - whole).max(axis=2)
    nearest = gaps.argmin(axis=1)
    assert gaps.min(axis=1).max() < 0.02
    assert len(nearest) == 4
    assert (np.diff(nearest) > 0).all()
    assert found.of_class(1).shape == (1, 3, 256)


def test_another_seed_chooses_other_images(ctx, tmp_path):
    few = replace(FEATURES, count=2)
    found = {
        built(replace(few, seed=s), ctx, tmp_path / str(s)).of_class(0).tobytes() for s in range(6)
    }
    assert len(found) > 1


def test_a_mean_is_taken_over_tokens(ctx, generator, latents, tmp_path):
    found = built(replace(FEATURES, pooling="mean"), ctx, tmp_path / "made").of_class(1)
    tokens = expected(generator, latents[1], "c1").reshape(3, 16, 16)
    np.testing.assert_allclose(found[0].astype(float), tokens.mean(axis=1), atol=2e-3, rtol=2e-3)


def test_a_mean_over_places_of_a_u_net_is_one_number_a_channel():
    maps = torch.arange(24.0).reshape(1, 2, 3, 4)
    assert pooled(maps, "mean").tolist() == [[5.5, 17.5]]
    assert pooled(maps, "none").shape == (1, 24)


def test_noised_latents_have_the_variance_of_their_level(
    ctx, generator, latents, monkeypatch, tmp_path
):
    seen = {}
    features = generator.features

    def watched(x, t, cond, layer):
        seen.setdefault(int(t[0]), []).append(x.clone())
        return features(x, t, cond, layer)

    monkeypatch.setattr(generator, "features", watched)
    times = (10, 500, 990)
    found = built(replace(FEATURES, times=times, noised=True, count=9), ctx, tmp_path / "made")
    assert found.of_class(0).shape == (3, 5, 256)
    for t in times:
        shown = torch.cat([x for x in seen[t] if len(x) == 5])
        kept = kept_at(Betas(), t)
        noise = (shown - math.sqrt(kept) * torch.from_numpy(latents[0]).float()) / math.sqrt(
            1 - kept
        )
        # 1280 standard normal numbers: their mean is off by 0.028, their deviation by 0.02.
        assert abs(noise.mean()) < 0.15
        assert abs(noise.std() - 1) < 0.1
    one, other = (seen[t][-1] for t in times[:2])
    assert not torch.equal(one, other)


def test_what_is_kept_of_the_signal_is_the_product_of_one_minus_the_variances():
    betas = np.linspace(1e-4, 2e-2, 1000)
    for t in (0, 1, 510, 999):
        assert kept_at(Betas(), t) == pytest.approx(np.cumprod(1 - betas)[t], rel=1e-12)


def test_a_class_that_goes_by_another_id_is_shown_under_it(ctx, generator, latents, tmp_path):
    mapped = replace(FEATURES, class_map=("c4:c7",), count=5)
    found = built(mapped, ctx, tmp_path / "made")
    for label, shown in enumerate(("c7", "c1")):
        whole = expected(generator, latents[label], shown)
        np.testing.assert_allclose(found.of_class(label)[0], whole, atol=2e-3, rtol=2e-3)


def test_classes_that_are_there_already_are_not_made_again(ctx, generator, monkeypatch, tmp_path):
    whole = built(FEATURES, ctx, tmp_path / "whole")
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "0000.npy").write_bytes((tmp_path / "whole" / "0000.npy").read_bytes())
    asked = []
    condition = generator.condition
    monkeypatch.setattr(
        generator, "condition", lambda ids, names: asked.extend(ids) or condition(ids, names)
    )
    resumed = built(FEATURES, ctx, folder)
    assert asked[1:] == ["c1"] * 3  # the first asks how wide features are
    for label in (0, 1):
        assert np.array_equal(resumed.of_class(label), whole.of_class(label))


def test_the_size_of_blocks_changes_nothing(ctx, monkeypatch, tmp_path):
    one = built(FEATURES, ctx, tmp_path / "one")
    monkeypatch.setitem(block_features.BLOCK, "cpu", 1)
    other = built(FEATURES, ctx, tmp_path / "other")
    for label in (0, 1):
        np.testing.assert_allclose(
            one.of_class(label).astype(float), other.of_class(label), rtol=2e-3, atol=2e-3
        )


def test_what_would_take_too_much_room_is_refused_before_it_is_made(ctx, monkeypatch, tmp_path):
    monkeypatch.setattr(block_features, "MOST_NOISED", 1e3)
    many = replace(FEATURES, times=(1, 2, 3), noised=True)
    with pytest.raises(BenchError, match=r"7 real images at 3 timesteps .* `pooling=mean`"):
        built(many, ctx, tmp_path / "made")
    assert list((tmp_path / "made").iterdir()) == []


def test_features_beyond_half_precision_are_refused(ctx, generator, monkeypatch, tmp_path):
    monkeypatch.setattr(generator, "features", lambda x, *others: x.flatten(2) + 1e6)
    with pytest.raises(BenchError, match=r"'block1' of 'tiny' .* 'c4' does not fit into half"):
        built(FEATURES, ctx, tmp_path / "made")


def test_its_folder_is_named_by_the_latents_too(tmp_path):
    store = ArtefactStore(tmp_path)
    other = replace(FEATURES, latents=replace(LATENTS, flip=False))
    assert store.path(FEATURES) != store.path(other)
    assert FEATURES.needs() == (Pretrained("tiny", "seed 0"), LATENTS)
