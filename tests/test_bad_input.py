"""What bad input gets: one sentence, an exit status, and nothing lost or overwritten."""

from __future__ import annotations

import json
import math
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets.folder import default_loader

from bench.contracts import Outcome
from bench.data.decode import decode_file
from bench.records import read_records
from protocols.hard import HardLabel


def with_option(run: list[str], option: str, value: str) -> list[str]:
    """Return the arguments with the value of one option replaced."""
    run = list(run)
    run[run.index(option) + 1] = value
    return run


def refused(answer, status: int, *words: str) -> None:
    """Check that a command said one sentence with these words, and nothing else went wrong."""
    sentence = answer.err.strip().splitlines()[-1]
    assert answer.status == status, answer.err
    assert sentence.startswith("bench: "), answer.err
    assert "Traceback" not in answer.err + answer.out
    for word in words:
        assert word in sentence, sentence


WRONG_USAGE = {
    "unknown method": ("--methods", "randon", ["'randon'", "Did you mean 'random'?"]),
    "unknown dataset": ("--datasets", "imagenete", ["'imagenete'", "'imagenette'"]),
    "unknown student": ("--students", "convnet", ["'convnet'", "convnet6"]),
    "unknown timm id": ("--students", "timm/resnet_18", ["timm/resnet_18"]),
    "unknown protocol": ("--protocols", "hrad", ["'hrad'", "Did you mean 'hard'?"]),
    "unknown field": ("--methods", "kmeans[feature=auto]", ["'feature'", "'features'"]),
    "field of the wrong type": ("--protocols", "hard[epochs=many]", ["epochs", "whole number"]),
    "field out of range": ("--protocols", "hard[epochs=0]", ["`epochs`", "at least 1", "0"]),
    "field of another choice": ("--protocols", "hard[mix=blend]", ["'cutmix'", "'blend'"]),
    "brackets that do not pair": ("--protocols", "hard[epochs=3", ["rackets", "hard[epochs=3"]),
    "IPC of nothing": ("--ipc", "0", ["at least 1", "0"]),
    "IPC that is no number": ("--ipc", "ten", ["--ipc", "'ten'"]),
    "IPC above the smallest class": ("--ipc", "7", ["7", "6"]),
    "no seeds": ("--seeds", "0", ["--seeds", "at least 1"]),
    "more seeds than anybody wants": ("--seeds", "2000000000", ["--seeds", "at most"]),
    "no methods": ("--methods", "", ["--methods"]),
    "an option of the wrong type": ("--seeds", "two", ["seeds", "two"]),
    "a ConvNet too deep for the resolution": ("--students", "convnet6", ["64", "16"]),
    "a set that is not there": ("--datasets", "a=folder:/does/not/exist", ["/does/not/exist"]),
    "a named set without a data root": (
        "--datasets",
        "imagenette",
        ["--data-root", "ILSVRC2012", "imagenette2-320"],
    ),
    "a name that is a path": ("--datasets", "/tmp", ["folder:"]),
    "a distilled folder that is not there": ("--methods", "x=folder:/no/where", ["/no/where"]),
    "a student for nothing": ("--students", "", ["--students"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_answered_in_one_sentence(case, bench, tiny_run, tmp_path):
    option, value, words = WRONG_USAGE[case]
    answer = bench(*with_option(tiny_run, option, value), "--out", tmp_path / "out")
    refused(answer, 2, *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--set", "protocol.epoch=3"], ["'epoch'", "nothing selected"]),
        (["--set", "soft.epochs=3"], ["'soft'"]),
        (["--set", "epochs=3"], ["protocol.field=value"]),
        (["--set", "protocol.epochs=x"], ["whole number", "'x'"]),
        (["--executor", "rya"], ["'rya'", "inline"]),
        (["--plugin", "none.py"], ["none.py", "does not exist"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["--device", "tpu9"], ["--device", "tpu9"]),
        (["--compile", "sometimes"], ["'sometimes'", "--compile", "always, auto, never"]),
    ],
)
def test_wrong_options_are_answered_in_one_sentence(extra, words, bench, tiny_run, tmp_path):
    refused(bench(*tiny_run, *extra, "--out", tmp_path / "out"), 2, *words)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "quik"], ["'quik'", "Did you mean 'quick'?"]),
        (["run", "missing.toml"], ["missing.toml", "does not exist"]),
        (["rnu"], ["rnu"]),
        (["list", "method"], ["'methods'"]),
        (["list", "methods", "kmean"], ["'kmeans'"]),
        (["list", "datasets", "shapenet"], ["'shapenette'"]),
        (["leaderboard", "nowhere"], ["nowhere", "does not exist"]),
        (["leaderboard", "--format", "cvs"], ["'csv'"]),
        (["show", "0123", "--out", "nowhere"], ["nowhere"]),
        (["show", "nothing.json"], ["nothing.json"]),
        (["show", ""], ["key"]),
        (["score", "nowhere", "--dataset", "shapenette"], ["nowhere"]),
        (["fetch"], ["bench fetch --datasets"]),
        (["fetch", "--datasets", "imagenette"], ["'imagenette'", "imagenette2-320"]),
        (["fetch", "--datasets", "imagenette2-32"], ["Did you mean 'imagenette2-320'?"]),
        (
            ["fetch", "--datasets", "imagewoof2", "--offline"],
            ["`bench fetch --datasets", "network"],
        ),
    ],
)
def test_other_commands_refuse_in_one_sentence(arguments, words, bench):
    refused(bench(*arguments), 2, *words)


@pytest.mark.parametrize("text", ["methods = [", "methods = 3", 'seeds = "two"', "unknown = 1"])
def test_a_broken_suite_is_refused(text, bench, tmp_path):
    suite = tmp_path / "broken.toml"
    suite.write_text(text)
    refused(bench("run", suite, "--out", tmp_path / "out"), 2)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_without_a_device_is_refused(bench, tiny_run, tmp_path):
    answer = bench(*tiny_run, "--device", "cuda", "--out", tmp_path / "out")
    refused(answer, 2, "--device cuda", "cpu")


# Folders ---------------------------------------------------------------------------------------


def empty(root: Path) -> None:
    shutil.rmtree(root)
    root.mkdir()


def no_train(root: Path) -> None:
    shutil.rmtree(root / "train")


def no_test(root: Path) -> None:
    shutil.rmtree(root / "val")


def two_tests(root: Path) -> None:
    shutil.copytree(root / "val", root / "test")


def other_classes(root: Path) -> None:
    (root / "val" / "cat").rename(root / "val" / "cow")


def empty_class(root: Path) -> None:
    shutil.rmtree(root / "train" / "cat")
    (root / "train" / "cat").mkdir()


def zero_bytes(root: Path) -> None:
    (root / "train" / "cat" / "0.png").write_bytes(b"")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (empty, ["train"]),
        (no_train, ["train"]),
        (no_test, ["val"]),
        (two_tests, ["val", "test"]),
        (other_classes, ["cow"]),
        (empty_class, ["cat"]),
        (zero_bytes, ["0.png"]),
    ],
)
def test_a_folder_of_the_wrong_layout_is_refused(harm, words, bench, tiny_run, tiny_set, tmp_path):
    harm(tiny_set)
    answer = bench(*tiny_run, "--out", tmp_path / "out")
    assert answer.status in (1, 2)
    refused(answer, answer.status, *words)
    assert not (tmp_path / "out").exists()


# Images ----------------------------------------------------------------------------------------


def not_an_image(path: Path) -> None:
    path.write_bytes(b"this is not an image at all")


def truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:600])


def bomb(path: Path) -> None:
    """Write a PNG whose header claims 60,000 x 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + body))
        return struct.pack(">I", len(body)) + kind + body + crc

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("harm", [not_an_image, truncated, bomb])
def test_an_image_that_cannot_be_read_fails_its_units_and_is_named(
    harm, bench, tiny_run, tiny_set, tmp_path
):
    harm(tiny_set / "val" / "bee" / "1.png")
    answer = bench(*tiny_run, "--out", tmp_path / "out")
    assert answer.status == 1
    assert "1.png" in answer.err
    assert "Traceback" not in answer.err
    distilled = len(list((tmp_path / "out" / "records").iterdir()))
    assert distilled == 6  # the training images are whole, so that distilling goes on


def save_as(mode: str) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        grey = np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)
        if mode == "I;16":
            Image.fromarray(grey.astype(np.uint16) * 257).save(path)
        elif mode == "CMYK":
            Image.fromarray(np.dstack([grey] * 4), mode).save(path.with_suffix(".jpg"))
            path.unlink()
        else:
            Image.fromarray(grey).convert(mode).save(path)

    return save


@pytest.mark.filterwarnings("ignore:'mode' parameter:DeprecationWarning")
@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "I;16", "CMYK"])
def test_images_that_are_not_rgb_are_read_all_the_same(mode, bench, tiny_run, tiny_set, tmp_path):
    save_as(mode)(tiny_set / "val" / "bee" / "1.png")
    assert bench(*tiny_run, "--out", tmp_path / "out").status == 0


def test_a_rotation_in_the_exif_data_is_left_alone_as_torchvision_leaves_it(
    bench, tiny_run, tiny_set, tmp_path
):
    path = tiny_set / "val" / "bee" / "1.png"
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees to the right"
    with Image.open(path) as image:
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    assert bench(*tiny_run, "--out", tmp_path / "out").status == 0
    assert np.array_equal(decode_file(path), np.asarray(default_loader(str(path))))


def test_without_network_the_unit_that_needs_weights_fails_and_says_so(
    bench, tiny_run, tmp_path, monkeypatch
):
    def offline(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", offline)
    run = with_option(tiny_run, "--methods", "kmeans[features=resnet18-imagenet],first")
    answer = bench(*run, "--out", tmp_path / "out")
    assert answer.status == 1
    assert "network is unreachable" in answer.err
    assert "Traceback" not in answer.err
    assert len(list((tmp_path / "out" / "records").iterdir())) == 2 + 4  # all of `first`


# The folder of the run -------------------------------------------------------------------------


def test_a_foreign_folder_is_never_written_to(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    refused(bench(*tiny_run, "--out", out), 2, "out", "bench.json")
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_a_folder_that_cannot_be_made_is_refused(bench, tiny_run, tmp_path):
    (tmp_path / "file").write_text("")
    refused(bench(*tiny_run, "--out", tmp_path / "file" / "out"), 2, "--out")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    refused(bench(*tiny_run, "--out", out), 2, "--out")


def test_a_folder_in_which_no_file_can_be_made_is_refused(bench, tiny_run, tmp_path, monkeypatch):
    import tempfile

    def read_only(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    refused(bench(*tiny_run, "--out", tmp_path / "out"), 2, "--out", "Read-only")


@pytest.mark.parametrize(
    ("part", "number"),
    [
        *product(("scores", "series", "traces"), (math.nan, math.inf, -1.7e308)),
        ("per_class", 1.7e308),
    ],
)
def test_a_number_that_no_record_can_hold_fails_its_unit_alone(
    part, number, bench, tiny_run, tmp_path, monkeypatch
):
    evaluate = HardLabel.evaluate

    def odd(self, *given: object, **others: object) -> Outcome:
        found = evaluate(self, *given, **others)
        if part == "traces":
            given[-1].trace("odd", number)
            return found
        value = number if part == "scores" else (number,)
        return replace(found, **{part: {**getattr(found, part), "odd": value}})

    monkeypatch.setattr(HardLabel, "evaluate", odd)
    out = tmp_path / "out"
    assert bench(*tiny_run, "--out", out).status == 1
    failures = [json.loads(path.read_text()) for path in (out / "failures").iterdir()]
    assert failures
    words = "'odd' must hold finite numbers up to 1e+100, got "
    assert all(words in failure["message"] for failure in failures)
    kinds = {record.kind for record in read_records(out)}
    assert kinds == {"distillation"}


def test_no_name_of_a_file_moves_the_cursor(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    bench(*tiny_run, "--out", out)
    (out / "records" / "\x1b[2J\u202ex\udcff.json").write_text("{")
    answer = bench("leaderboard", out)
    refused(answer, 1, "\\x1b[2J\\u202ex\\udcff.json is not a readable record")


def test_a_file_in_the_place_of_a_run_is_called_one(bench, tmp_path):
    (tmp_path / "out").write_text("")
    refused(bench("leaderboard", tmp_path / "out"), 2, "folder of a run", "is a file")


def newer_schema(text: str) -> str:
    return text.replace('"version": 1', '"version": 99')


def half_a_file(text: str) -> str:
    return text[: len(text) // 2]


@pytest.mark.parametrize(("harm", "words"), [(newer_schema, ["99"]), (half_a_file, ["readable"])])
def test_a_record_that_cannot_be_read_stops_every_command_and_is_kept(
    harm, words, bench, tiny_run, tmp_path
):
    out = tmp_path / "out"
    bench(*tiny_run, "--out", out)
    record = min((out / "records").iterdir())
    record.write_text(harm(record.read_text()))
    before = record.read_bytes()
    for command in (["leaderboard", out], [*tiny_run, "--out", out]):
        refused(bench(*command), 1, record.name, *words)
    assert record.read_bytes() == before


def test_a_distilled_image_that_was_changed_fails_the_unit_that_needs_it(bench, tiny_run, tmp_path):
    out = tmp_path / "out"
    bench(*tiny_run, "--out", out)
    for record in (out / "records").iterdir():
        if '"kind": "evaluation"' in record.read_text():
            record.unlink()
    changed = min((out / "distilled").rglob("*.png"))
    Image.new("RGB", (16, 16)).save(changed)
    answer = bench(*tiny_run, "--out", out)
    assert answer.status == 1
    assert changed.name in answer.err


# Plugins ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1", ["METHODS"]),
        ("import nothing_of_this_name", ["nothing_of_this_name"]),
        ("def (", ["SyntaxError"]),
        ("METHODS = {'x': 3}", ["3", "contract"]),
        ("METHODS = [1]", ["dictionary"]),
        ("raise SystemExit(0)", ["SystemExit"]),
    ],
)
def test_a_plugin_that_cannot_be_used_is_refused(text, words, bench, tiny_run, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text(text)
    answer = bench(*tiny_run, "--plugin", plugin, "--out", tmp_path / "out")
    refused(answer, 2, "mine.py", *words)


def test_two_plugins_of_one_name_clash(bench, tiny_run, tmp_path):
    files = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        files.append(tmp_path / folder / "mine.py")
        files[-1].write_text("from methods.first import First\nMETHODS = {'x': First()}\n")
    answer = bench(*tiny_run, "--plugin", files[0], "--plugin", files[1], "--out", tmp_path / "out")
    refused(answer, 2, "mine/x", "rename")


def test_a_folder_that_shadows_a_room_is_named(start, tmp_path):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / "__init__.py").write_text("METHODS = {}\n")
    process = start("list", "methods")  # `python -c` looks into the current folder first
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "`methods`" in err
    assert str(tmp_path) in err
