"""What a run says where memory runs out while a teacher is loaded, asked or labels a set."""

from __future__ import annotations

import json
import re

import pytest
import torch
from torch import nn

from bench.errors import BenchError
from bench.teachers import measured
from bench.teachers.weights import TeacherWeights
from bench.training.memory import told_if_full
from bench.training.targets import FromTeacher

TEACHER = "convnet2[width=4]"


def greedy(*_):
    """Ask torch for more memory than any machine has."""
    return torch.empty(2**52)


def told(*_):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


@pytest.fixture
def soft(bench, tiny_set, tmp_path):
    """Return a run of one student taught by a teacher, and what its only failure says."""

    def run(labels):
        answer = bench(
            *("run", "--datasets", f"tiny=folder:{tiny_set}", "--ipc", "2", "--methods", "random"),
            *("--students", "convnet2[width=2]", "--seeds", "1", "--out", tmp_path / "out"),
            *("--protocols", f"soft[labels={labels},epochs=2,batch=5,resolution=21,evaluations=1,"
              f"teacher=trained[network={TEACHER},epochs=1]]"),
        )  # fmt: skip
        failures = [json.loads(file.read_text()) for file in tmp_path.glob("out/failures/*")]
        return answer, failures

    return run


@pytest.mark.parametrize("fail", [greedy, told])
@pytest.mark.parametrize(
    ("labels", "place", "name", "sentence"),
    [
        ("fresh", FromTeacher, "answers", "asked about a batch of 5 images of 21 x 21 pixels: "),
        ("stored", FromTeacher, "answers", "labelled batches of 5 images of 21 x 21 pixels: "),
        ("fresh", measured, "answers", "asked about the test images of 'tiny' at 21 x 21 pixels: "),
    ],
)
def test_the_unit_is_named_with_what_the_teacher_did_and_what_to_do_next(
    soft, monkeypatch, fail, labels, place, name, sentence
):
    monkeypatch.setattr(place, name, fail)
    answer, (failure,) = soft(labels)
    assert answer.status == 1
    (line,) = [line for line in answer.err.splitlines() if "FAILED" in line]
    message = failure["message"]
    assert failure["unit"] in line
    assert f" FAILED: {message} (" in line
    assert message.startswith("The device ran out of memory while the teacher ")
    assert sentence in message
    assert re.search(r": .*lower .* or free the device\.$", message)
    assert failure["error"] == "BenchError"


def test_a_teacher_that_does_not_fit_is_named(soft, monkeypatch):
    monkeypatch.setattr(TeacherWeights, "_filled", lambda *_: Large())
    _, (failure,) = soft("fresh")
    assert re.fullmatch(
        r"The device ran out of memory while the teacher 'convnet2\[width=4\].*' on 'tiny' was "
        r"loaded: free the device, or name a smaller teacher\.",
        failure["message"],
    )


class Large(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)

    def to(self, device):
        return told()


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of range")]
)
def test_every_other_error_stays_what_it_is(error):
    with pytest.raises(type(error)) as caught, told_if_full("resting", "wake up"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    "text", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"]
)
def test_errors_of_cuda_without_a_class_of_their_own_are_known(text):
    with pytest.raises(BenchError, match=r"^The device ran out of memory while resting: wake up\."):
        with told_if_full("resting", "wake up"):
            raise RuntimeError(text)
