import json
import math
import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.data.classes import class_list
from bench.errors import BenchError, UsageError
from bench.generators import GENERATORS, Pretrained, find_generator, layouts
from bench.generators.architecture import embedded_autoencoder, embedded_transformer
from bench.generators.autoencoder import LatentCodec
from bench.generators.card import GeneratorCard
from bench.generators.diffusion_transformer import guide
from bench.generators.embedded import Embedded
from bench.generators.hub import load
from bench.generators.hub_files import HubFile
from bench.generators.interface import Cond
from bench.shipped import ShippedWeights

CPU = torch.device("cpu")


def randn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def on_meta(build):
    with torch.device("meta"):
        return build()


# --- layouts -----------------------------------------------------------------------------------

LABEL_TABLE = 1001 * 1152
TIMESTEP_MLP = (256 * 1152 + 1152) + (1152 * 1152 + 1152)
POSITIONS = 256 * 1152


def test_dit_xl_2_has_the_published_number_of_parameters_once_its_copies_are_counted_once():
    count = layouts.num_parameters(on_meta(layouts.dit_xl_2))
    assert round(count / 1e6, 1) == 749.8
    # The official script prints 675,129,632 with its frozen table of positions.
    assert count - 27 * (LABEL_TABLE + TIMESTEP_MLP) + POSITIONS == 675_129_632


def test_dit_xl_2_is_28_blocks_of_width_1152_with_noise_and_variance_for_4_channels():
    network = on_meta(layouts.dit_xl_2)
    assert len(network.transformer_blocks) == 28
    assert network.transformer_blocks[0].attn1.to_q.weight.shape == (1152, 1152)
    assert (
        network.transformer_blocks[27].norm1.emb.class_embedder.embedding_table.num_embeddings
        == 1001
    )
    assert network.proj_out_2.out_features == 2 * 2 * 8
    assert {b.norm1.norm.eps for b in network.transformer_blocks} == {1e-6}
    assert {b.norm3.eps for b in network.transformer_blocks} == {1e-6}


@pytest.mark.parametrize(
    ("build", "published"),
    [(layouts.sd_autoencoder, 83_653_863), (layouts.sd_unet, 859_520_964)],
)
def test_stable_diffusions_networks_have_their_published_numbers_of_parameters(build, published):
    assert layouts.num_parameters(on_meta(build)) == published


def test_a_network_filled_with_weights_is_the_network_they_come_from(tiny_builders):
    build, _, weights = tiny_builders
    state = weights(build, seed=3)
    plain = build()
    plain.load_state_dict(state)
    x, t, y = randn(2, 4, 8, 8), torch.tensor([7, 900]), torch.tensor([1, 10])
    with torch.no_grad():
        expected = plain.eval()(x, t, y).sample
        got = layouts.filled(build, state)(x, t, y).sample
    assert torch.equal(got, expected)


# --- the network call --------------------------------------------------------------------------


@pytest.fixture
def generator(make_generator):
    return make_generator()


def test_without_guidance_the_prediction_is_the_networks_own_output(generator):
    x, t = randn(3, 4, 8, 8), torch.tensor([0, 500, 999])
    cond = generator.condition(["c1", "c4", "c4"])
    with torch.no_grad():
        output = generator.transformer(x, t, torch.tensor([1, 4, 4])).sample
        prediction = generator.predict(x, t, cond, cfg=1.0)
    assert torch.equal(prediction.noise, output[:, :4])
    assert torch.equal(prediction.variance, output[:, 4:])
    assert prediction.noise_null is None


def test_timesteps_become_the_original_codes_frequencies_in_every_block(generator):
    t = torch.tensor([0.0, 3.0, 510.0, 999.0])
    angles = t.numpy()[:, None] * np.exp(-math.log(10000) * np.arange(128) / 128)
    expected = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    for block in generator.transformer.transformer_blocks:
        embedded = block.norm1.emb.time_proj(t)
        assert embedded.numpy() == pytest.approx(expected, abs=1e-3)
    other = t.numpy()[:, None] * np.exp(-math.log(10000) * np.arange(128) / 127)
    assert np.abs(expected[:, :128] - np.cos(other)).mean() > 0.1  # what diffusers would do


def test_guidance_mixes_three_channels_and_leaves_the_fourth_to_the_condition(generator):
    x, t = randn(2, 4, 8, 8), torch.tensor([300, 300])
    with torch.no_grad():
        prediction = generator.predict(x, t, generator.condition(["c2", "c7"]), cfg=4.0)
        given = generator.transformer(x, t, torch.tensor([2, 7])).sample
        null = generator.transformer(x, t, torch.tensor([10, 10])).sample
    torch.testing.assert_close(prediction.noise[:, :3], (null + 4.0 * (given - null))[:, :3])
    torch.testing.assert_close(prediction.noise[:, 3], given[:, 3])
    torch.testing.assert_close(prediction.variance, given[:, 4:])
    torch.testing.assert_close(prediction.noise_null, null[:, :4])
    assert not torch.allclose(prediction.noise[:, 3], (null + 4.0 * (given - null))[:, 3])


def test_what_the_null_branch_says_of_channel_3_and_of_the_variance_changes_nothing(
    generator, monkeypatch
):
    x, t = randn(2, 4, 8, 8), torch.tensor([300, 300])
    cond = generator.condition(["c2", "c7"])
    call = generator._output

    def disturbed(*arguments):
        output = call(*arguments).clone()
        output[2:, 3:] += 100.0
        return output

    with torch.no_grad():
        expected = generator.predict(x, t, cond, cfg=4.0)
        monkeypatch.setattr(generator, "_output", disturbed)
        got = generator.predict(x, t, cond, cfg=4.0)
    assert torch.equal(got.noise, expected.noise)
    assert torch.equal(got.variance, expected.variance)


def test_with_scale_1_the_null_condition_has_no_influence(generator):
    x, t = randn(2, 4, 8, 8), torch.tensor([300, 300])
    cond = generator.condition(["c2", "c7"])
    with torch.no_grad():
        expected = generator.predict(x, t, cond, cfg=1.0)
        got = generator.predict(x, t, Cond(cond.given, torch.tensor([3, 5])), cfg=1.0)
    assert torch.equal(got.noise, expected.noise)
    torch.testing.assert_close(guide(got.noise, randn(2, 4, 8, 8), 1.0), got.noise)


def test_the_null_class_is_the_last_row_of_the_label_tables(generator):
    assert generator.condition(["c0", "c9"]).null.tolist() == [10, 10]
    table = generator.transformer.transformer_blocks[0].norm1.emb.class_embedder.embedding_table
    assert generator.null_label == table.num_embeddings - 1


@pytest.mark.parametrize("number", [0, 1, 2])
def test_features_are_the_output_of_their_block_in_a_whole_pass(generator, number):
    x, t, cond = randn(2, 4, 8, 8), torch.tensor([40, 800]), generator.condition(["c3", "c5"])
    seen = []
    block = generator.transformer.transformer_blocks[number]
    watch = block.register_forward_hook(lambda module, given, output: seen.append(output))
    with torch.no_grad():
        generator.transformer(x, t, cond.given)
        watch.remove()
        early = generator.features(x, t, cond, f"block{number}")
        beside = generator.predict(x, t, cond, 4.0, f"block{number}").features
    assert early.shape == (2, 16, 16)
    assert torch.equal(early, seen[0])
    torch.testing.assert_close(beside, seen[0], rtol=1e-5, atol=1e-5)


def test_blocks_after_the_asked_one_are_not_computed(generator):
    x, t, cond = randn(2, 4, 8, 8), torch.tensor([40, 800]), generator.condition(["c3", "c5"])
    with torch.no_grad():
        expected = generator.features(x, t, cond, "block1")
        for parameter in generator.transformer.transformer_blocks[2].parameters():
            parameter.fill_(math.nan)
        assert torch.equal(generator.features(x, t, cond, "block1"), expected)


def test_the_graph_ends_at_the_asked_layer_and_else_covers_the_prediction(generator):
    t, cond = torch.tensor([40, 800]), generator.condition(["c3", "c5"])
    x = randn(2, 4, 8, 8).requires_grad_()
    with_layer = generator.predict(x, t, cond, 4.0, "block1")
    assert with_layer.features.requires_grad
    assert not with_layer.noise.requires_grad
    assert generator.predict(x, t, cond, 4.0).noise.requires_grad


def test_the_gradient_of_features_in_the_state_is_that_of_finite_differences(make_generator):
    generator = make_generator(torch.float64)
    t, cond = torch.tensor([400]), generator.condition(["c3"])
    x = randn(1, 4, 8, 8, dtype=torch.float64).requires_grad_()
    direction = randn(1, 4, 8, 8, seed=1, dtype=torch.float64)

    def energy(state):
        return generator.predict(state, t, cond, 4.0, "block1").features.square().sum()

    (gradient,) = torch.autograd.grad(energy(x), x)
    step = 1e-5
    with torch.no_grad():
        slope = (energy(x + step * direction) - energy(x - step * direction)) / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(slope.item(), rel=1e-6)


def test_a_layer_that_does_not_exist_is_one_sentence(generator):
    x, t, cond = randn(1, 4, 8, 8), torch.tensor([5]), generator.condition(["c0"])
    with pytest.raises(UsageError, match=r"Unknown layer 'block3' of 'tiny'.*Known layers: block0"):
        generator.features(x, t, cond, "block3")


def test_parameters_take_no_gradient_and_dropout_of_labels_is_off(generator):
    assert not any(p.requires_grad for p in generator.transformer.parameters())
    assert not any(module.training for module in generator.transformer.modules())


# --- classes -----------------------------------------------------------------------------------


def test_classes_are_numbered_by_id_and_not_by_rank():
    ids = class_list("imagenet1k")
    card = GeneratorCard("dit", "", "class", ids, 256, (4, 32, 32), (), True)
    assert card.labels(["n01440764", "n02979186", "n03888257"]) == [0, 482, 701]


def test_a_class_the_generator_does_not_know_is_one_sentence(generator):
    with pytest.raises(UsageError, match=r"^The generator 'tiny' knows 10 classes and 'n0144' is "):
        generator.condition(["c0", "n0144"])


# --- latents -----------------------------------------------------------------------------------


def test_encoding_is_the_scaled_posterior_mean_and_decoding_undoes_the_scale(generator):
    images = randn(2, 3, 16, 16)
    network = generator.codec.autoencoder
    with torch.no_grad():
        posterior = network.encode(images).latent_dist
        torch.testing.assert_close(generator.encode(images), 0.18215 * posterior.mean)
        torch.testing.assert_close(
            generator.decode(0.18215 * posterior.mean), network.decode(posterior.mean).sample
        )


def test_a_sampled_encoding_adds_noise_of_the_posterior_from_the_given_stream(generator):
    images = randn(2, 3, 16, 16)
    with torch.no_grad():
        posterior = generator.codec.autoencoder.encode(images).latent_dist
        got = generator.encode(images, torch.Generator().manual_seed(5))
    noise = randn(2, 4, 8, 8, seed=5)
    torch.testing.assert_close(got, 0.18215 * (posterior.mean + posterior.std * noise))


def test_decoding_is_differentiable_in_the_latents(generator):
    latents = randn(1, 4, 8, 8).requires_grad_()
    (gradient,) = torch.autograd.grad(generator.decode(latents).sum(), latents)
    assert gradient.abs().max() > 0


# --- where weights come from -------------------------------------------------------------------


def test_the_registered_names_say_whether_imagenets_labels_were_used(tmp_path, monkeypatch):
    assert list(GENERATORS) == ["embedded", "dit-xl-2-256", "sd-v1-5"]
    card = GENERATORS["dit-xl-2-256"].card()
    assert card.uses_imagenet_labels
    assert len(card.classes) == 1000
    assert (card.image_size, card.latent_shape, len(card.layers)) == (256, (4, 32, 32), 28)
    text = GENERATORS["sd-v1-5"].card()
    assert (text.conditioning, text.classes, text.image_size) == ("text", (), 512)


def test_an_unknown_generator_is_answered_with_the_closest_name():
    with pytest.raises(UsageError, match=r"Unknown generator 'dit-xl-2'\. Did you mean 'dit-xl-2-"):
        find_generator("dit-xl-2")


def old_names(state):
    """Spell attention layers of an autoencoder as files of 2022 do."""
    new = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, value in state.items():
        for today, then in new.items():
            name = name.replace(f"attentions.0.{today}.", f"attentions.0.{then}.")
        renamed[name] = value
    assert renamed.keys() != state.keys()
    return renamed


@pytest.fixture
def local_dit(tmp_path, monkeypatch, tiny_builders):
    """Return the folder of a local `dit-xl-2-256` whose layouts are tiny."""
    transformer, autoencoder, weights = tiny_builders
    monkeypatch.setattr(layouts, "dit_xl_2", lambda latent_size: transformer())
    monkeypatch.setattr(layouts, "sd_autoencoder", autoencoder)
    folder = tmp_path / "generators" / "dit-xl-2-256"
    for part, build in (("transformer", transformer), ("vae", autoencoder)):
        (folder / part).mkdir(parents=True)
        state = weights(build, seed=0)
        state = old_names(state) if part == "vae" else state
        save_file(state, folder / part / "diffusion_pytorch_model.safetensors")
    monkeypatch.setenv("BENCH_GENERATORS", str(tmp_path / "generators"))
    return folder


def test_a_local_folder_takes_the_place_of_the_hub(local_dit, make_generator):
    opened, expected = find_generator("dit-xl-2-256").open(CPU), make_generator()
    x, t, y = randn(1, 4, 8, 8), torch.tensor([100]), Cond(*torch.tensor([[4], [10]]))
    with torch.no_grad():
        assert torch.equal(opened.predict(x, t, y, 4.0).noise, expected.predict(x, t, y, 4.0).noise)
        assert torch.equal(opened.decode(x), expected.decode(x))


def test_local_weights_are_known_by_their_content_and_not_by_their_place(
    local_dit, tmp_path, monkeypatch
):
    source = find_generator("dit-xl-2-256")
    first = source.weights()
    (tmp_path / "generators").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("BENCH_GENERATORS", str(tmp_path / "elsewhere"))
    assert source.weights() == first
    file = tmp_path / "elsewhere/dit-xl-2-256/vae/diffusion_pytorch_model.safetensors"
    save_file({"other": torch.zeros(1)}, file)
    assert source.weights() != first
    monkeypatch.delenv("BENCH_GENERATORS")
    assert "facebook/DiT-XL-2-256@refs/pr/1" in source.weights()


def test_pickled_weights_in_a_local_folder_are_not_read(local_dit):
    file = local_dit / "transformer/diffusion_pytorch_model.safetensors"
    file.rename(file.with_suffix(".bin"))
    with pytest.raises(BenchError, match=r"needs .*safetensors, which is not there: add it \(safe"):
        find_generator("dit-xl-2-256").open(CPU)


@pytest.mark.parametrize("content", [b"", b"not weights at all"])
def test_a_broken_weight_file_is_one_sentence(local_dit, content):
    (local_dit / "vae/diffusion_pytorch_model.safetensors").write_bytes(content)
    with pytest.raises(BenchError, match=r"vae/.*(is empty|does not hold the weights of 'dit-xl)"):
        find_generator("dit-xl-2-256").open(CPU)


def test_weights_of_another_network_are_refused(tmp_path, tiny_builders):
    transformer, autoencoder, weights = tiny_builders
    save_file(weights(autoencoder, seed=0), tmp_path / "wrong.safetensors")
    with pytest.raises(BenchError, match=r"wrong\.safetensors does not hold the weights of 'one' "):
        load(transformer, tmp_path / "wrong.safetensors", "one")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """Cut the hub off, with an empty cache."""
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize("name", ["dit-xl-2-256", "sd-v1-5"])
def test_without_network_and_weights_the_way_out_is_said_in_one_sentence(offline, name):
    with pytest.raises(BenchError) as caught:
        find_generator(name).open(CPU)
    message = str(caught.value)
    assert message.startswith(f"The weights of '{name}' (")
    assert "connect to the network once, or put the file at" in message
    assert "\n" not in message


def test_a_file_in_the_hubs_cache_is_used_without_network(offline, tmp_path):
    file = HubFile("some/model", "a" * 40, "unet/weights.safetensors")
    folder = tmp_path / "hub/models--some--model/snapshots" / ("a" * 40) / "unet"
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"content")
    assert file.download("some").read_bytes() == b"content"


def test_a_download_that_is_not_what_was_pinned_is_refused(offline, tmp_path, monkeypatch):
    import huggingface_hub

    (tmp_path / "fetched").write_bytes(b"something else")
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *given, **named: str(tmp_path / "fetched")
    )
    file = HubFile("some/model", "a" * 40, "weights.safetensors", sha256="0" * 64)
    with pytest.raises(
        BenchError, match=r"should have the sha256 000000000000\.\.\., got [0-9a-f]"
    ):
        file.download("some")


def listed(folder, sets=("shapenette", "shapewoof")):
    """Write the card of the weights in a folder."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
        for path in folder.glob("*.safetensors")
    }
    card = {"files": files, "data": {"sets": sets, "images": "procedural"}, "reaches": {}}
    (folder / "card.json").write_text(json.dumps(card))


@pytest.fixture
def shipped(tmp_path, tiny_builders):
    """Return an embedded generator of random weights in half precision."""
    _, _, weights = tiny_builders
    builders = {"transformer": embedded_transformer, "autoencoder": embedded_autoencoder}
    for part, build in builders.items():
        state = {name: value.half() for name, value in weights(build, seed=0).items()}
        save_file(state, tmp_path / f"{part}.safetensors")
    listed(tmp_path)
    return Embedded("small", ShippedWeights(tmp_path))


def test_the_embedded_generator_computes_in_float32_with_the_weights_it_was_given(shipped):
    generator = shipped.open(CPU)
    expected = embedded_transformer()
    state = load_file(shipped.shipped.folder / "transformer.safetensors")
    expected.load_state_dict({name: value.float() for name, value in state.items()})
    x, t = randn(2, 4, 8, 8), torch.tensor([7, 900])
    with torch.no_grad():
        prediction = generator.predict(x, t, generator.condition(["boat", "rabbit"]), 1.0)
        output = expected.eval()(x, t, torch.tensor([0, 19])).sample
    assert generator.dtype == torch.float32
    assert torch.equal(prediction.noise, output[:, :4])
    assert generator.null_label == 20
    assert generator.decode(x).shape == (2, 3, 32, 32)
    assert generator.encode(randn(2, 3, 32, 32)).shape == (2, *generator.card.latent_shape)


def test_its_card_is_that_of_the_networks(shipped):
    card = shipped.open(CPU).card
    assert card.weights == shipped.weights()
    assert card.layers == tuple(f"block{number}" for number in range(6))
    assert len(set(card.classes)) == 20
    assert not card.uses_imagenet_labels


def test_other_embedded_weights_have_another_name(shipped, tmp_path):
    before = shipped.weights()
    file = tmp_path / "autoencoder.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(BenchError, match=r"autoencoder\.safetensors is not the file that card"):
        shipped.open(CPU)
    listed(tmp_path)
    assert shipped.weights() != before


@pytest.mark.parametrize("missing", ["card.json", "transformer.safetensors"])
def test_a_missing_part_of_the_package_is_one_sentence(shipped, tmp_path, missing):
    (tmp_path / missing).unlink()
    for ask in (shipped.weights, lambda: shipped.open(CPU)):
        with pytest.raises(BenchError, match=r"come with the package, but .* is missing: install"):
            ask()


def test_a_card_of_something_else_is_one_sentence(shipped, tmp_path):
    listed(tmp_path, sets=("shapewoof", "shapenette"))
    with pytest.raises(BenchError, match=r"should list .*, trained on shapenette and shapewoof"):
        shipped.weights()
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(BenchError, match=r"card\.json is not a readable card of the embedded"):
        shipped.weights()


def test_the_artefact_of_a_generator_is_built_and_opened_with_the_weights_it_names(
    shipped, tmp_path, monkeypatch
):
    from bench.artefacts import ArtefactStore
    from bench.context import Context
    from bench.streams import Streams

    monkeypatch.setitem(GENERATORS, "embedded", shipped)
    artefact = Pretrained.of("embedded")
    store = ArtefactStore(tmp_path / "cache")
    ctx = Context(CPU, Streams((0,)), tmp_path, store, {}.__getitem__)
    assert ctx.get(artefact) is ctx.get(artefact)
    assert ctx.get(artefact).card.weights == artefact.weights
    with pytest.raises(BenchError, match=r"The weights of 'embedded' have changed during this run"):
        Pretrained("embedded", "sha256:other").load(store.path(artefact), CPU)


def test_looking_generators_up_imports_no_heavy_library():
    code = "import bench.generators, bench.sampling, methods.dit, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "bench.generators" in loaded
    assert loaded & {"torch", "diffusers", "numpy", "huggingface_hub", "transformers"} == set()


# --- text --------------------------------------------------------------------------------------


@pytest.fixture
def text_generator(tiny_builders):
    from diffusers import UNet2DConditionModel

    from bench.generators.card import Betas
    from bench.generators.text import MIDDLE, TextDiffusion

    def build():
        return UNet2DConditionModel(
            sample_size=8,
            block_out_channels=(8, 16),
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=12,
            attention_head_dim=2,
            norm_num_groups=4,
        )

    def encode(prompts):
        return torch.stack([randn(5, 12, seed=sum(prompt.encode())) for prompt in prompts])

    _, autoencoder, weights = tiny_builders
    betas = Betas(8.5e-4, 1.2e-2, "scaled_linear")
    card = GeneratorCard(
        "words", "", "text", (), 16, (4, 8, 8), (MIDDLE,), uses_imagenet_labels=False, betas=betas
    )
    codec = LatentCodec(layouts.filled(autoencoder, weights(autoencoder, seed=0)))
    unet = layouts.filled(build, weights(build, seed=1))
    return TextDiffusion(card, codec, unet, encode), encode


def test_prompts_guide_all_channels_and_no_variance_is_learned(text_generator):
    generator, encode = text_generator
    x, t = randn(2, 4, 8, 8), torch.tensor([300, 300])
    with torch.no_grad():
        prediction = generator.predict(x, t, generator.condition(["", ""], ["tench", "cup"]), 8.0)
        given = generator.unet(x, t, encode(["tench", "cup"])).sample
        null = generator.unet(x, t, encode(["", ""])).sample
    torch.testing.assert_close(prediction.noise, null + 8.0 * (given - null), rtol=1e-4, atol=1e-4)
    assert prediction.variance is None


def test_the_middle_of_the_u_net_is_the_same_with_and_without_what_follows(text_generator):
    generator, _ = text_generator
    x, t = randn(2, 4, 8, 8), torch.tensor([300, 300])
    cond = generator.condition(["", ""], ["tench", "cup"])
    with torch.no_grad():
        beside = generator.predict(x, t, cond, 8.0, "mid").features
        for parameter in generator.unet.up_blocks.parameters():
            parameter.fill_(math.nan)
        alone = generator.features(x, t, cond, "mid")
    assert alone.shape == (2, 16, 4, 4)
    torch.testing.assert_close(alone, beside, rtol=1e-4, atol=1e-4)


def test_a_generator_of_text_wants_a_prompt_for_every_image(text_generator):
    with pytest.raises(UsageError, match=r"'words' needs one prompt for each of 2 images, got 1\."):
        text_generator[0].condition(["a", "b"], ["tench"])


def test_a_missing_text_library_is_one_sentence(tmp_path, monkeypatch):
    from bench.generators.text import clip_encoder

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BenchError, match=r"need `transformers`: run `pip install transformers`\."):
        clip_encoder(tmp_path, CPU)


def test_clips_text_encoder_gives_one_embedding_per_token(tmp_path):
    transformers = pytest.importorskip("transformers")
    from bench.generators.text import clip_encoder

    (tmp_path / "tokenizer").mkdir()
    words = ["<|startoftext|>", "<|endoftext|>", "c", "u", "p</w>", "cu", "cup</w>"]
    vocabulary = {word: number for number, word in enumerate(words)}
    (tmp_path / "tokenizer/vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "tokenizer/merges.txt").write_text("#version: 0.2\nc u\ncu p</w>\n")
    (tmp_path / "tokenizer/tokenizer_config.json").write_text('{"model_max_length": 6}')
    sizes = {"hidden_size": 12, "intermediate_size": 16, "num_hidden_layers": 2}
    config = transformers.CLIPTextConfig(
        vocab_size=7, num_attention_heads=2, max_position_embeddings=6, eos_token_id=1, **sizes
    )
    transformers.CLIPTextModel(config).save_pretrained(tmp_path / "text_encoder")

    embedded = clip_encoder(tmp_path, CPU)(["cup", ""])

    assert embedded.shape == (2, 6, 12)
    assert not torch.equal(embedded[0], embedded[1])
