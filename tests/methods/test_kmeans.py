import numpy as np
import pytest

from bench.errors import UsageError
from bench.features import Embeddings
from methods.kmeans import KMeansMedoids, medoids


def blobs(num_blobs, per_blob, shift=0.0):
    """Return points `[num_blobs * per_blob, 8]` around corners 100 apart, in random order."""
    rng = np.random.default_rng(num_blobs)
    home = rng.permutation(np.repeat(np.arange(num_blobs), per_blob))
    points = rng.normal(size=(len(home), 8)) + 100.0 * np.eye(8)[home] + shift
    return points.astype(np.float32), home


def test_separate_blobs_give_one_image_each_and_it_is_the_nearest_to_its_blobs_mean(
    make_real, make_context, chosen_from
):
    points, homes = zip(*(blobs(4, 7, shift) for shift in (0.0, 5.0)), strict=True)
    real = make_real((28, 28))

    distilled = KMeansMedoids().distill(real, 4, make_context(points=np.concatenate(points)))

    expected = set()
    for label in range(2):
        for blob in range(4):
            members = np.flatnonzero(homes[label] == blob)
            cloud = points[label][members].astype(np.float64)
            distances = [np.linalg.norm(point - cloud.mean(axis=0)) for point in cloud]
            expected.add(28 * label + int(members[np.argmin(distances)]))
    assert set(chosen_from(distilled)) == expected


def test_every_image_is_the_nearest_member_of_its_cluster_when_blobs_overlap():
    rng = np.random.default_rng(5)
    points = rng.normal(size=(60, 3))
    centres = points[:6] + 0.1
    clusters = ((points[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)

    picks = medoids(points, centres, clusters)

    for k, pick in enumerate(picks):
        rivals = [np.linalg.norm(points[i] - centres[k]) for i in range(60) if clusters[i] == k]
        assert clusters[pick] == k
        assert np.linalg.norm(points[pick] - centres[k]) == min(rivals)


def test_a_medoid_is_a_member_even_where_a_stranger_is_nearer():
    points = np.array([[0.0], [4.0], [9.0]])
    picks = medoids(points, centres=np.array([[5.0], [3.9]]), clusters=np.array([0, 1, 0]))
    assert picks.tolist() == [2, 1]


def test_an_empty_cluster_takes_the_nearest_image_that_is_left():
    points = np.array([[0.0], [1.0], [2.0], [10.0]])
    picks = medoids(points, np.array([[0.4], [0.1], [9.0]]), np.array([0, 0, 0, 2]))
    assert picks.tolist() == [0, 1, 3]


def test_equal_images_still_give_distinct_ones(tiny_real, make_context, chosen_from):
    same = np.ones((18, 4), np.float32)
    chosen = chosen_from(KMeansMedoids().distill(tiny_real, 4, make_context(points=same)))
    assert len(set(chosen)) == 12


def test_an_ipc_of_the_class_size_selects_everything(tiny_real, make_context, chosen_from):
    assert sorted(chosen_from(KMeansMedoids().distill(tiny_real, 6, make_context()))) == list(
        range(18)
    )


def test_the_clustering_does_not_depend_on_the_number_of_threads(make_real, make_context):
    from threadpoolctl import threadpool_limits

    points = np.random.default_rng(0).normal(size=(600, 8)).astype(np.float32)
    real = make_real((600,))
    chosen = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            distilled = KMeansMedoids().distill(real, 20, make_context(points=points))
        chosen.append(distilled.images.indices)
    assert chosen[0] == chosen[1]


def test_auto_is_the_dataset_cards_own_network_and_needs_its_embeddings(tiny_real):
    method = KMeansMedoids().resolve(tiny_real.card, 2)
    assert method.features == "convnet1[width=4]@8"
    assert method.needs(tiny_real.card, 2) == (Embeddings("tiny", "a" * 64, "convnet1[width=4]@8"),)


def test_a_named_network_stays_what_it_is(tiny_real):
    method = KMeansMedoids(features="resnet18-imagenet")
    assert method.resolve(tiny_real.card, 2) == method


@pytest.mark.parametrize("features", ["convnet3", "convnet3@", "@32", "convnet3@0", "resnet18"])
def test_features_that_name_no_embedding_are_refused(features, tiny_real):
    with pytest.raises(UsageError, match=r"`features` must be 'auto', 'embedded',"):
        KMeansMedoids(features=features).resolve(tiny_real.card, 2)


def test_features_of_an_unknown_network_get_a_suggestion(tiny_real):
    with pytest.raises(UsageError, match=r"convnett3.*convnet3"):
        KMeansMedoids(features="convnett3@32").resolve(tiny_real.card, 2)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"n_init": 0}, r"`n_init` must be at least 1, got 0\."), ({"features": ""}, "`features`")],
)
def test_fields_out_of_range_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        KMeansMedoids(**fields)
