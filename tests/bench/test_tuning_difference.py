import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from bench.generators.architecture import embedded_transformer
from bench.generators.diffusion_transformer import use_original_frequencies
from bench.generators.interface import Cond
from bench.generators.layouts import dit_xl_2
from bench.tuning.difference import Difference, fold, tensors_of

SHARED = ("t_embedder.mlp.0.bias", "t_embedder.mlp.2.bias", "y_embedder.embedding_table.weight")


class Attention(nn.Module):
    def __init__(self, width, heads, scaled):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        if scaled:
            self.gamma_qkv = nn.Parameter(torch.ones(3 * width))
            self.gamma_proj = nn.Parameter(torch.ones(width))

    def forward(self, x):
        batch, tokens, width = x.shape
        qkv = getattr(self, "gamma_qkv", 1) * self.qkv(x)
        parts = qkv.reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*parts.unbind(0)).transpose(1, 2)
        return getattr(self, "gamma_proj", 1) * self.proj(mixed.reshape(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, width, heads, scaled):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads, scaled)
        self.mlp = nn.Module()
        self.mlp.fc1, self.mlp.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        if scaled:
            self.gamma_attn = nn.Parameter(torch.ones(width))
            self.gamma_mlp = nn.Parameter(torch.ones(width))

    def forward(self, x, c):
        shift_1, scale_1, gate_1, shift_2, scale_2, gate_2 = (
            part.unsqueeze(1) for part in self.adaLN_modulation(c).chunk(6, dim=1)
        )
        seen = self.attn(self.norm1(x) * (1 + scale_1) + shift_1)
        x = x + getattr(self, "gamma_attn", 1) * gate_1 * seen
        seen = self.mlp.fc1(self.norm2(x) * (1 + scale_2) + shift_2)
        seen = self.mlp.fc2(functional.gelu(seen, approximate="tanh"))
        return x + getattr(self, "gamma_mlp", 1) * gate_2 * seen


class Original(nn.Module):
    """DiT with the scales of DiffFit: one label table and one timestep MLP for all blocks."""

    def __init__(self, depth, width, heads, classes, channels, places, patch=2):
        super().__init__()
        self.patch = patch
        self.x_embedder, self.t_embedder, self.y_embedder = (nn.Module() for _ in range(3))
        self.x_embedder.proj = nn.Conv2d(channels, width, patch, stride=patch)
        first, second = nn.Linear(256, width), nn.Linear(width, width)
        self.t_embedder.mlp = nn.Sequential(first, nn.SiLU(), second)
        self.y_embedder.embedding_table = nn.Embedding(classes + 1, width)
        self.pos_embed = nn.Parameter(torch.zeros(1, places, width), requires_grad=False)
        scaled = [True] * (depth // 2) + [False] * (depth - depth // 2)
        self.blocks = nn.ModuleList([Block(width, heads, one) for one in scaled])
        self.final_layer = nn.Module()
        self.final_layer.norm_final = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.final_layer.linear = nn.Linear(width, patch * patch * 2 * channels)
        self.final_layer.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))

    def forward(self, x, t, y):
        tokens = self.x_embedder.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
        steps = torch.exp(-math.log(10000) * torch.arange(128, dtype=torch.float32) / 128)
        turns = t[:, None].float() * steps[None]
        waves = torch.cat([turns.cos(), turns.sin()], dim=-1).to(x)
        c = self.t_embedder.mlp(waves) + self.y_embedder.embedding_table(y)
        for block in self.blocks:
            tokens = block(tokens, c)
        final = self.final_layer
        shift, scale = final.adaLN_modulation(c).chunk(2, dim=1)
        tokens = final.linear(final.norm_final(tokens) * (1 + scale[:, None]) + shift[:, None])
        side, size = math.isqrt(tokens.shape[1]), self.patch
        grid = tokens.reshape(len(x), side, side, size, size, -1)
        return torch.einsum("nhwpqc->nchpwq", grid).reshape(len(x), -1, side * size, side * size)


def trained_by_the_reference(original):
    """Return what train_dit.py of vimar-gu/MinimaxDiffusion trains, by its rule on names."""
    return {
        name: parameter
        for name, parameter in original.named_parameters()
        if any(word in name for word in ("bias", "norm", "gamma", "y_embed"))
    }


def original_of(network):
    """Return the original network with the weights of one of diffusers whose copies are equal."""
    c = network.config
    width = c.num_attention_heads * c.attention_head_dim
    places = (c.sample_size // c.patch_size) ** 2
    original = Original(
        c.num_layers, width, c.num_attention_heads, c.num_embeds_ada_norm, c.in_channels, places
    ).to(network.dtype)
    embed = network.transformer_blocks[0].norm1.emb
    pairs = [
        (original.x_embedder.proj, network.pos_embed.proj),
        (original.t_embedder.mlp[0], embed.timestep_embedder.linear_1),
        (original.t_embedder.mlp[2], embed.timestep_embedder.linear_2),
        (original.y_embedder.embedding_table, embed.class_embedder.embedding_table),
        (original.final_layer.adaLN_modulation[1], network.proj_out_1),
        (original.final_layer.linear, network.proj_out_2),
    ]
    for ours, theirs in zip(original.blocks, network.transformer_blocks, strict=True):
        pairs += [
            (ours.attn.proj, theirs.attn1.to_out[0]),
            (ours.mlp.fc1, theirs.ff.net[0].proj),
            (ours.mlp.fc2, theirs.ff.net[2]),
            (ours.adaLN_modulation[1], theirs.norm1.linear),
        ]
        split = theirs.attn1.to_q, theirs.attn1.to_k, theirs.attn1.to_v
        for kind in ("weight", "bias"):
            whole = torch.cat([getattr(one, kind) for one in split])
            getattr(ours.attn.qkv, kind).data.copy_(whole)
    for ours, theirs in pairs:
        ours.load_state_dict(theirs.state_dict())
    original.pos_embed.data.copy_(network.pos_embed.pos_embed)
    return original


def shaken(network, std=0.1):
    """Return the network with weights of which none is zero, frozen and in eval mode."""
    rng = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.data.copy_(std * torch.randn(parameter.shape, generator=rng))
    return network.eval().requires_grad_(False)


@pytest.fixture
def tiny(tiny_builders):
    """Return a network of three blocks whose copies differ, as they do in the embedded one."""
    network = shaken(tiny_builders[0](), 0.2)
    use_original_frequencies(network)
    return network


def with_equal_copies(network):
    first = network.transformer_blocks[0].norm1.emb
    for block in network.transformer_blocks:
        block.norm1.emb.load_state_dict(first.state_dict())
    return network


def drawn(difference, std=0.1):
    """Give every parameter random values, which float32 can hold."""
    rng = torch.Generator().manual_seed(2)
    for parameter in difference.parameters():
        parameter.data.copy_(std * torch.randn(parameter.shape, generator=rng))
    return difference


def asked(network, count=4):
    """Return latents, timesteps and labels, of which the last stands for no class."""
    rng = torch.Generator().manual_seed(3)
    c = network.config
    x = torch.randn(count, c.in_channels, c.sample_size, c.sample_size, generator=rng)
    labels = torch.tensor([0, 3, 3, c.num_embeds_ada_norm])
    return x.to(network.dtype), torch.tensor([0, 17, 500, 999]), labels


def answer(network):
    x, t, labels = asked(network)
    return network(x, t, labels).sample


def state(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def test_the_parameters_are_those_that_the_reference_trains(tiny):
    expected = trained_by_the_reference(original_of(tiny))
    difference = Difference.of(tiny)
    assert set(difference.names()) == set(expected)
    assert len(difference.names()) == len(list(difference.parameters())) == len(expected)
    for name in difference.names():
        assert difference.value(name).shape == expected[name].shape
        assert difference.value(name).requires_grad
        assert not difference.value(name).any()


def test_those_of_dit_xl_2_are_as_many_as_the_reference_counts():
    with torch.device("meta"):
        difference = Difference.of(dit_xl_2())
    counts = {"bias": 0, "gamma": 0, "table": 0}
    for name in difference.names():
        (kind,) = (kind for kind in counts if kind in name)
        counts[kind] += difference.value(name).numel()
    # biases of 1 + 2 + 28 x 15 + 2 widths and of the last layer; 6 scales in 14 blocks; 1001 rows
    assert counts["bias"] == 1152 * (1 + 2 + 28 * 15 + 2) + 4 * 8
    assert counts["gamma"] == 1152 * 6 * 14
    assert counts["table"] == 1152 * 1001
    millions = [round(count / 1e6, 3) for count in (*counts.values(), sum(counts.values()))]
    assert millions == [0.490, 0.097, 1.153, 1.740]
    assert {parameter.device.type for parameter in difference.parameters()} == {"meta"}


@pytest.mark.parametrize("numerics", ["float32", "bfloat16"])
def test_no_difference_changes_no_bit(numerics):
    network = shaken(embedded_transformer())
    difference, weights = Difference.of(network), state(network)
    autocast = torch.autocast("cpu", torch.bfloat16, enabled=numerics == "bfloat16")
    with torch.no_grad(), autocast:
        before = answer(network)
        with difference.attach(network):
            attached = answer(network)
        fold(network, tensors_of(difference))
        folded = answer(network)
    assert before.abs().max() > 0.1
    assert torch.equal(attached, before)
    assert torch.equal(folded, before)
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_folding_gives_what_attaching_gives(dtype, atol):
    network = shaken(embedded_transformer()).to(dtype)
    difference, before = drawn(Difference.of(network)), answer(network)
    with torch.no_grad(), difference.attach(network):
        attached = answer(network)
    fold(network, tensors_of(difference))
    folded = answer(network)
    assert torch.allclose(folded, attached, rtol=atol, atol=atol)
    assert (attached - before).abs().max() > 0.1


def test_samplers_see_the_same_whether_it_is_attached_or_folded(make_generator):
    generator = make_generator(torch.float64)
    difference = drawn(Difference.of(generator.transformer))
    x, t, labels = asked(generator.transformer)
    cond = Cond(labels, torch.full_like(labels, generator.null_label))

    def seen():
        with torch.no_grad():
            whole = generator.predict(x, t, cond, 4.0, "block1")
            return whole.noise, whole.variance, generator.features(x, t, cond, "block2")

    with difference.attach(generator.transformer):
        attached = seen()
    fold(generator.transformer, tensors_of(difference))
    for one, two in zip(attached, seen(), strict=True):
        assert torch.allclose(one, two, rtol=1e-10, atol=1e-10)


def test_the_network_and_all_gradients_are_those_of_the_original(tiny):
    network = with_equal_copies(tiny.double())
    original, difference = original_of(network), drawn(Difference.of(network))
    trained = trained_by_the_reference(original)
    for name in difference.names():
        trained[name].data += difference.value(name).data
    x, t, labels = asked(network)
    expected = original(x, t, labels)
    with difference.attach(network):
        found = network(x, t, labels).sample
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9)
    weight = torch.randn(expected.shape, generator=torch.Generator().manual_seed(4)).double()
    (expected * weight).sum().backward()
    (found * weight).sum().backward()
    for name in difference.names():
        theirs, ours = trained[name].grad, difference.value(name).grad
        assert theirs.abs().max() > 1e-3
        assert torch.allclose(ours, theirs, rtol=1e-7, atol=1e-7), name


def test_the_gradient_of_the_table_is_that_of_a_table_which_all_blocks_share(tiny):
    network = with_equal_copies(tiny.double())
    tied = copy.deepcopy(network)
    table = tied.transformer_blocks[0].norm1.emb.class_embedder.embedding_table
    for block in tied.transformer_blocks:
        block.norm1.emb.class_embedder.embedding_table = table
    table.weight.requires_grad_(True)
    answer(tied).square().sum().backward()
    difference = Difference.of(network)
    with difference.attach(network):
        answer(network).square().sum().backward()
    found = difference.value("y_embedder.embedding_table.weight").grad
    assert torch.allclose(found, table.weight.grad, rtol=1e-9, atol=1e-9)
    assert found[[0, 3, 10]].abs().amin(1).min() > 0
    assert not found[[1, 2, 4, 5, 6, 7, 8, 9]].any()


def test_copies_that_differ_get_the_same_difference_and_go_on_differing(tiny):
    network = tiny.double()
    difference, before = drawn(Difference.of(network)), copy.deepcopy(network)
    fold(network, tensors_of(difference))

    def copies(of):
        for block in of.transformer_blocks:
            embed = block.norm1.emb
            yield embed.timestep_embedder.linear_1.bias
            yield embed.timestep_embedder.linear_2.bias
            yield embed.class_embedder.embedding_table.weight

    names = SHARED * 3
    for name, was, now in zip(names, copies(before), copies(network), strict=True):
        assert torch.allclose(now, was + difference.value(name), rtol=0, atol=1e-15)


def test_a_table_that_blocks_share_is_changed_once(tiny):
    def tie(network):
        table = network.transformer_blocks[0].norm1.emb.class_embedder.embedding_table
        for block in network.transformer_blocks:
            block.norm1.emb.class_embedder.embedding_table = table
        return network

    untied = with_equal_copies(tiny.double())
    tied = tie(copy.deepcopy(untied))
    difference = drawn(Difference.of(untied))
    with torch.no_grad(), difference.attach(tied):
        attached = answer(tied)
    for network in (tied, untied):
        fold(network, tensors_of(difference))
    for one in (attached, answer(tied)):
        assert torch.allclose(one, answer(untied), rtol=1e-12, atol=1e-12)


def test_training_changes_the_difference_alone(tiny):
    difference, weights = Difference.of(tiny), state(tiny)
    optimizer = torch.optim.AdamW(difference.parameters(), lr=1e-2, weight_decay=0.0)
    losses = []
    with difference.attach(tiny):
        for _ in range(3):
            loss = answer(tiny).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[2] < losses[0]
    assert all(difference.value(name).any() for name in difference.names())
    assert all(parameter.grad is None for parameter in tiny.parameters())
    assert not any(parameter.requires_grad for parameter in tiny.parameters())
    assert all(torch.equal(value, weights[name]) for name, value in tiny.state_dict().items())


@pytest.mark.parametrize("way", ["context", "error", "close"])
def test_a_difference_acts_until_it_is_let_go(tiny, way):
    difference, before = drawn(Difference.of(tiny)), answer(tiny)

    def hooks():
        return sum(len(module._forward_hooks) for module in tiny.modules())

    attached = difference.attach(tiny)
    assert not torch.allclose(answer(tiny), before)
    if way == "close":
        attached.close()
    elif way == "context":
        with attached:
            assert hooks() > 0
    else:
        with pytest.raises(KeyboardInterrupt), attached:
            raise KeyboardInterrupt
    assert hooks() == 0
    assert torch.equal(answer(tiny), before)


def test_tensors_are_copies_in_single_precision(tiny):
    difference = drawn(Difference.of(tiny.double()))
    tensors = tensors_of(difference)
    assert tuple(tensors) == difference.names()
    for name, tensor in tensors.items():
        assert tensor.dtype == torch.float32
        assert tensor.is_contiguous()
        assert not tensor.requires_grad
        assert torch.equal(tensor.double(), difference.value(name))
        tensor.zero_()
        assert difference.value(name).any()


def test_a_network_that_is_trained_itself_is_refused(tiny):
    difference = Difference.of(tiny)
    for network in (tiny.requires_grad_(True), tiny.requires_grad_(False).train()):
        with pytest.raises(ValueError, match="frozen transformer in eval mode"):
            difference.attach(network)


def test_what_does_not_fit_is_named_and_nothing_is_changed(tiny):
    whole, weights = tensors_of(drawn(Difference.of(tiny))), state(tiny)
    bias, scale = "blocks.2.attn.qkv.bias", "blocks.0.gamma_mlp"
    missing = {name: value for name, value in whole.items() if name != bias}
    for wrong, message in [
        (missing, rf"network: {bias} is missing\.$"),
        (whole | {"blocks.1.gamma_mlp": whole[scale]}, r"blocks\.1\.gamma_mlp is unknown\.$"),
        (whole | {scale: torch.ones(3)}, rf"{scale} has the shape \(3,\) and not \(16,\)\.$"),
        (missing | {"a": whole[scale]}, rf"{bias} is missing; a is unknown\.$"),
    ]:
        with pytest.raises(ValueError, match=message):
            fold(tiny, wrong)
    assert all(torch.equal(value, weights[name]) for name, value in tiny.state_dict().items())


def test_a_difference_to_another_network_is_not_attached(tiny):
    other = Difference.of(embedded_transformer())
    with pytest.raises(ValueError, match=r"blocks\.5\.adaLN_modulation\.1\.bias is unknown"):
        other.attach(tiny)
    assert not any(module._forward_hooks for module in tiny.modules())
