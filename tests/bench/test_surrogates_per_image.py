import numpy as np
import pytest
import torch

from bench.augment.colour import normalised
from bench.backbones import build_backbone, build_student
from bench.backbones.students import ConvNet
from bench.surrogates.per_image import as_trained_on, dissimilarity, gradients

LABELS = torch.tensor([2, 0, 1, 2])


def make_network(name="convnet2"):
    if name == "convnet2":
        network = build_student(ConvNet(2, width=4), num_classes=3, image_size=8, seed=0)
    else:
        network = build_backbone(name, num_classes=3, image_size=32, seed=0)
    return network.double().eval().requires_grad_(False)


def state_of(network):
    return {name: value.clone() for name, value in network.named_parameters()}


def images_of(count=4, side=8):
    rng = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, side, side, generator=rng, dtype=torch.float64)


def one_by_one(network, images, labels):
    """Return the gradients `[B, P]` by one ordinary backward pass an image."""
    rows = []
    for image, label in zip(images, labels, strict=True):
        network.requires_grad_(True).zero_grad()
        torch.nn.functional.cross_entropy(network(image[None]), label[None]).backward()
        rows.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
    network.requires_grad_(False).zero_grad()
    return torch.stack(rows)


def flat(found):
    return torch.cat([each.flatten(1) for each in found.values()], dim=1)


@pytest.mark.parametrize(("name", "side"), [("convnet2", 8), ("resnetap10", 32)])
def test_gradients_are_those_of_one_image_after_another(name, side):
    network, images = make_network(name), images_of(side=side)
    found = gradients(network, state_of(network), images, LABELS)
    assert list(found) == [name for name, _ in network.named_parameters()]
    torch.testing.assert_close(flat(found), one_by_one(network, images, LABELS))


def test_the_parameters_are_those_of_the_state_and_not_of_the_network():
    network = make_network()
    state = {name: value + 0.1 for name, value in state_of(network).items()}
    found = flat(gradients(network, state, images_of(), LABELS))
    network.load_state_dict(state)
    torch.testing.assert_close(found, one_by_one(network, images_of(), LABELS))


def test_no_image_changes_the_gradient_of_another():
    network, images = make_network(), images_of()
    whole = flat(gradients(network, state_of(network), images, LABELS))
    part = flat(gradients(network, state_of(network), images[2:3], LABELS[2:3]))
    torch.testing.assert_close(whole[2:3], part)


@pytest.mark.parametrize(("factor", "expected"), [(3.0, 0.0), (-0.5, 2.0)])
def test_a_gradient_along_its_target_has_0_and_one_against_it_2(factor, expected):
    unit = torch.nn.functional.normalize(torch.arange(1.0, 7.0, dtype=torch.float64), dim=0)[None]
    found = {"weight": factor * unit[:, :4].reshape(1, 2, 2), "bias": factor * unit[:, 4:]}
    value = dissimilarity(found, unit, torch.tensor([2.0], dtype=torch.float64))
    assert value.item() == pytest.approx(expected, abs=1e-5)


def test_a_gradient_across_its_target_has_1_and_so_has_none_at_all():
    unit = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    found = {"weight": torch.tensor([[0.0, 3.0], [0.0, 0.0]])}
    assert dissimilarity(found, unit, torch.ones(2)).tolist() == [1.0, 1.0]


def test_the_value_is_the_published_one():
    rng = np.random.default_rng(0)
    own, target = rng.normal(size=(5, 9)), rng.normal(size=(5, 9))
    norm = np.linalg.norm(target, axis=1)
    expected = 1 - (own * target).sum(axis=1) / (np.linalg.norm(own, axis=1) * norm + 1e-6)
    unit, norm = torch.from_numpy(target / norm[:, None]), torch.from_numpy(norm)
    np.testing.assert_allclose(dissimilarity({"all": torch.from_numpy(own)}, unit, norm), expected)


def test_the_slope_in_the_images_is_that_of_finite_differences():
    network, images = make_network(), images_of()
    state = state_of(network)
    size = sum(value.numel() for value in state.values())
    rng = torch.Generator().manual_seed(2)
    unit = torch.nn.functional.normalize(
        torch.randn(4, size, generator=rng, dtype=torch.float64), dim=1
    )
    norm = torch.full((4,), 0.7, dtype=torch.float64)
    way = torch.randn(images.shape, generator=rng, dtype=torch.float64)

    def value(shift):
        found = gradients(network, state, images + shift * way, LABELS)
        return dissimilarity(found, unit, norm)

    leaf = images.clone().requires_grad_()
    loss = dissimilarity(gradients(network, state, leaf, LABELS), unit, norm)
    (slope,) = torch.autograd.grad(loss.sum(), leaf)
    expected = (value(1e-5) - value(-1e-5)) / 2e-5
    torch.testing.assert_close((slope * way).sum(dim=(1, 2, 3)), expected, rtol=1e-5, atol=1e-8)


def test_decoded_images_are_normalised_as_stored_ones():
    pixels = torch.arange(3 * 256).reshape(1, 3, 16, 16) % 256
    decoded = pixels.double() / 127.5 - 1
    expected = normalised(pixels.to(torch.uint8)).double()
    torch.testing.assert_close(as_trained_on(decoded), expected, atol=1e-5, rtol=1e-5)
