"""`bench import-teacher`: a checkpoint of any kind in, a file that cannot run code out."""

import argparse
import json
import pickle
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from bench import specs
from bench.backbones import build_student
from bench.backbones.students import ConvNet, ResNet
from bench.data.classes import class_list
from bench.teachers import importing, unpickle

NETWORK = "convnet2[width=4]"
ASKED = ("--network", NETWORK, "--resolution", "16")


class Malicious:
    """Writes a file when it is unpickled."""

    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self):
        return eval, (f"open({str(self.witness)!r}, 'w').close() or {{}}",)


@pytest.fixture
def network():
    student = ConvNet(2, width=4)
    return build_student(student, num_classes=3, image_size=16, norm="batch", seed=5)


@pytest.fixture
def in_process(monkeypatch):
    """Read pickles of our own in this process, which takes no time to start."""

    class Done:
        returncode, stderr = 0, ""

    def run(command, **_):
        module, source, to, key = command[-4:]
        assert module == "bench.teachers.unpickle"
        done = Done()
        done.stdout = json.dumps(unpickle.converted(Path(source), Path(to), key))
        return done

    monkeypatch.setattr(unpickle, "_limit_memory", lambda source: None)
    monkeypatch.setattr(importing.subprocess, "run", run)


def header_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def assert_holds(path, network):
    found = load_file(path)
    expected = network.state_dict()
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.usefixtures("in_process")
def test_a_checkpoint_of_a_training_script_is_imported(bench, tmp_path, network):
    # torchvision's reference script keeps its command line and the epoch beside the weights
    content = {
        "model": {f"module.{name}": value for name, value in network.state_dict().items()},
        "epoch": 3,
        "args": argparse.Namespace(lr=0.1, data_path="/data"),
    }
    torch.save(content, tmp_path / "x.pth")
    out = tmp_path / "x.safetensors"
    answer = bench(
        "import-teacher", tmp_path / "x.pth", *ASKED, "--classes", "ant,bee,cat", "-o", out
    )
    assert answer.status == 0, answer.err
    assert answer.out.startswith("3 classes, 0.0 MB in")
    assert f'"soft[teacher=file[path={out},network={NETWORK}]]"' in answer.out
    assert_holds(out, network)
    assert json.loads(header_of(out)["classes"]) == ["ant", "bee", "cat"]
    assert header_of(out)["network"] == NETWORK
    assert {path.name for path in tmp_path.iterdir()} == {"x.pth", "x.safetensors"}


@pytest.mark.usefixtures("in_process")
def test_the_printed_request_opens_the_file_with_the_norm_it_was_imported_with(bench, tmp_path):
    from bench.teachers.specs import WeightsFile
    from protocols.soft import SoftLabel

    other = build_student(
        ConvNet(2, width=4), num_classes=3, image_size=16, norm="instance", seed=5
    )
    torch.save(other.state_dict(), tmp_path / "x.pt")
    out = tmp_path / "y.safetensors"
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, "--norm", "instance", "-o", out)
    assert answer.status == 0, answer.err
    (request,) = re.findall(r'ask for it as "soft(\[.*\])"', answer.out)
    fields = dict(specs.parse(f"soft{request}").fields)
    teacher = specs.override(SoftLabel(), fields, "soft").teacher
    assert teacher == WeightsFile(str(out), NETWORK, "instance")


def test_options_that_weights_of_torchvision_leave_no_choice_of_are_refused(bench, tmp_path):
    (tmp_path / "x.pth").write_bytes(b"\x80")
    weights = ("--weights", "ResNet18_Weights.IMAGENET1K_V1")
    for option, value in {
        "--key": "ema", "--norm": "instance", "--resolution": "64", "--top1": "70",
    }.items():  # fmt: skip
        answer = bench("import-teacher", tmp_path / "x.pth", *weights, option, value)
        assert answer.status == 2
        assert f"of which `{option}` cannot be chosen: leave it out." in answer.err
    both = bench("import-teacher", tmp_path / "x.pth", *weights, "--key", "a", "--top1", "70")
    assert "`--key` and `--top1` cannot be chosen: leave them out." in both.err


def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(bench, tmp_path):
    witness = tmp_path / "witness"
    (tmp_path / "x.pt").write_bytes(pickle.dumps(Malicious(witness), protocol=2))
    assert pickle.loads((tmp_path / "x.pt").read_bytes()) == {}
    witness.unlink()  # it would have
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", tmp_path / "y.safetensors")
    assert answer.status == 1
    assert answer.err == (
        "bench: x.pt holds more than tensors (weights_only refuses `eval`), so it is not "
        "imported: ask its author for safetensors.\n"
    )
    assert {path.name for path in tmp_path.iterdir()} == {"x.pt"}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("wrap", "options"),
    [
        (lambda state: state, ()),
        (lambda state: {"model": state, "best": 1.0}, ()),
        (lambda state: {"ema": state, "model": {"a": 1}}, ("--key", "ema")),
        (lambda state: {**state, "note": "text"}, ()),
    ],
)
def test_weights_are_found_where_they_are(bench, tmp_path, network, wrap, options):
    torch.save(wrap(network.state_dict()), tmp_path / "x.pt")
    out = tmp_path / "new" / "y.safetensors"
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, *options, "-o", out)
    assert answer.status == 0, answer.err
    assert "which class each is, is not said" in answer.out
    assert_holds(out, network)
    assert "classes" not in header_of(out)


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--key", "ema"),
            "has no weights in its entry 'ema', but 'state', 'epoch': say with `--key`",
        ),
        ((), "has no weights, but 'state', 'epoch': say with `--key`"),
        (("--key", "state", "--classes", "a,b"), "answers 3 classes, but `--classes` names 2"),
        (("--key", "state", "--classes", "a,b,b"), "must name every class once"),
        (("--key", "state", "--classes", "imagewof"), "or one of imageidc, imagenet-a"),
        (("--key", "state", "--network", "convnet3[width=4]"), "does not fit 'convnet3[width=4]'"),
        (("--key", "state", "--norm", "layer"), "Unknown value 'layer' of '--norm'"),
        (("--weights", "ResNet18_Weights.IMAGENET1K_V1"), "leave those out"),
    ],
)
def test_a_wrong_import_is_told_and_writes_nothing(bench, tmp_path, network, options, said):
    torch.save({"state": network.state_dict(), "epoch": 3}, tmp_path / "x.pt")
    out = tmp_path / "y.safetensors"
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", out, *options)
    assert answer.status == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"x.pt"}


@pytest.mark.usefixtures("in_process")
def test_a_cut_pickle_is_told(bench, tmp_path, network):
    torch.save(network.state_dict(), tmp_path / "x.pt")
    whole = (tmp_path / "x.pt").read_bytes()
    (tmp_path / "x.pt").write_bytes(whole[: len(whole) // 2])
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", tmp_path / "y.safetensors")
    assert answer.status == 1
    assert "x.pt is not a whole checkpoint" in answer.err


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(("version", "status"), [("2.9.1", 1), ("1.13.0", 1), ("2.10.0+cu126", 0)])
def test_an_old_torch_reads_no_pickles(bench, tmp_path, network, monkeypatch, version, status):
    torch.save(network.state_dict(), tmp_path / "x.pt")
    monkeypatch.setattr(torch, "__version__", version)
    answer = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", tmp_path / "y.safetensors")
    assert answer.status == status
    assert bool(status) == (f"torch 2.10 or later, got {version}: update it" in answer.err)


def test_a_safetensors_file_gets_its_classes_without_another_process(
    bench, tmp_path, network, monkeypatch
):
    monkeypatch.setattr(importing.subprocess, "run", None)
    save_file(network.state_dict(), tmp_path / "x.safetensors")
    (tmp_path / "ids.txt").write_text("# in order\nant\n\nbee\ncat\n")
    out = tmp_path / "y.safetensors"
    options = ("--classes", tmp_path / "ids.txt", "--top1", "75", "-o", out)
    answer = bench("import-teacher", tmp_path / "x.safetensors", *ASKED, *options)
    assert answer.status == 0, answer.err
    assert_holds(out, network)
    assert json.loads(header_of(out)["classes"]) == ["ant", "bee", "cat"]
    assert header_of(out)["top1"] == "75"
    again = bench("import-teacher", tmp_path / "x.safetensors", *ASKED, *options)
    assert again.status == 2
    assert "y.safetensors exists: remove it, or choose another `--out`" in again.err


def test_paths_are_looked_at_first(bench, tmp_path):
    missing = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", tmp_path / "y.safetensors")
    assert (missing.status, "is no file" in missing.err) == (2, True)
    (tmp_path / "x.pt").write_bytes(b"\x80")
    wrong = bench("import-teacher", tmp_path / "x.pt", *ASKED, "-o", tmp_path / "y.pt")
    assert (wrong.status, "must end in .safetensors, got 'y.pt'" in wrong.err) == (2, True)
    nothing = bench("import-teacher", tmp_path / "x.pt")
    assert (nothing.status, "needs `--network` and `--out`, or" in nothing.err) == (2, True)


def test_class_lists_have_the_order_of_the_field():
    assert importing.read_classes("imagewoof") == class_list("imagewoof")
    assert importing.read_classes("imagewoof")[:2] == ("n02096294", "n02093754")
    assert importing.read_classes("b, a") == ("b", "a")


@pytest.mark.usefixtures("in_process")
def test_torchvisions_names_of_the_stem_become_those_of_our_resnets(bench, tmp_path):
    # what RDED calls resnet18_modified: torchvision's with a 3 x 3 stem and no pooling
    from torchvision.models import resnet18

    theirs = resnet18(num_classes=4)
    theirs.conv1, theirs.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), torch.nn.Identity()
    torch.save({"model": theirs.state_dict()}, tmp_path / "x.pth")
    out = tmp_path / "y.safetensors"
    options = ("--network", "resnet18", "--resolution", "32", "-o", out)
    answer = bench("import-teacher", tmp_path / "x.pth", *options)
    assert answer.status == 0, answer.err
    ours = build_student(ResNet(18), num_classes=4, image_size=32, norm="batch", seed=0)
    ours.load_state_dict(load_file(out))
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("in_process")
def test_torchvisions_own_file_is_known_by_the_digits_in_its_name(
    bench, tmp_path, own_cache, monkeypatch
):
    from torchvision.models import squeezenet1_1

    from bench.teachers import torchvision_weights

    name = "SqueezeNet1_1_Weights.IMAGENET1K_V1"
    torch.save(squeezenet1_1().state_dict(), tmp_path / "x.pth")
    wrong = bench("import-teacher", tmp_path / "x.pth", "--weights", name)
    assert wrong.status == 2
    # torchvision offers it as squeezenet1_1-b8a52dc0.pth
    assert f"x.pth should have the sha256 b8a52dc0... as {name}, got" in wrong.err
    assert torchvision_weights.local_weights(name) is None

    digits = importing.sha256_of(tmp_path / "x.pth")
    offered = torchvision_weights.known_weights(name)
    monkeypatch.setattr(
        torchvision_weights,
        "known_weights",
        lambda _: type("Entry", (), {"url": f"https://x/squeezenet1_1-{digits[:8]}.pth"})(),
    )
    monkeypatch.setattr(torchvision_weights, "_models_of", lambda _: ["squeezenet1_1"])
    right = bench("import-teacher", tmp_path / "x.pth", "--weights", name)
    assert right.status == 0, right.err
    assert offered.url.endswith("-b8a52dc0.pth")
    kept = own_cache / "teachers" / f"{name}.safetensors"
    assert torchvision_weights.local_weights(name) == kept
    assert header_of(kept)["weights"] == name
    listed = bench("cache", "list", "--entries")
    assert f"teachers/{name}.safetensors" in listed.out
    bench("cache", "prune", "--yes")
    assert kept.is_file()  # it cannot be made again


def test_teachers_are_listed_with_their_fields(bench):
    lines = bench("list", "teachers").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["trained", "embedded", "torchvision", "file"]
    assert "epochs: int = 60" in bench("list", "teachers", "trained").out
    assert "Did you mean 'torchvision'" in bench("list", "teachers", "torchvison").err
