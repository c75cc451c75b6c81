from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboards import build
from reports.remarks import legend, notes


def of(records, **options) -> list[str]:
    return [note for board in build(records) for note in notes(board, **options)]


def test_figures_of_a_drawn_set_say_so(record):
    drawn, own = record(dataset="shapes"), record(dataset="photos")
    drawn = replace(drawn, data=replace(drawn.data, train_split="drawn", test_split="drawn"))
    for one, said in ((drawn, True), (own, False)):
        found = [note for note in of([one]) if "drawn" in note]
        assert bool(found) is said
        assert all("shapes is drawn, not photographed" in note for note in found)


def test_the_card_of_a_network_is_told_once_with_the_scores_that_differ(images):
    notes = of([images(seed=seed, networks=("one", "one")) for seed in range(2)])
    (card,) = [note for note in notes if note.startswith("fidelity: ")]
    assert card.removeprefix("fidelity: ").split("; ") == [
        "features of one",
        "weights w-one",
        "real images of train",
        "real images 5000 (FID, embedding l2), 1000 (KID)",
        "distilled images 50",
    ]


def test_every_network_has_a_card(images):
    found = [note for note in of([images()]) if note.startswith("fidelity: ")]
    assert [note.split("; ")[0] for note in found] == [
        "fidelity: features of inception",
        "fidelity: features of resnet",
    ]


def test_a_card_tells_of_the_scores_that_are_printed(images):
    usual, asked = of([images()])[0], of([images()], all_scores=True)[0]
    assert "(FID), 1000 (KID)" in usual
    assert "(FID, coverage), 1000 (KID)" in asked


def test_facts_of_a_plugin_are_told_by_their_names(images):
    own = images(networks=("theirs", "theirs"))
    own = replace(own, cards={name: card | {"colour": "grey"} for name, card in own.cards.items()})
    (card,) = [note for note in of([own]) if note.startswith("fidelity: ")]
    assert card.endswith("; colour grey")


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("embedded", "no Inception FID"),
        ("resnet18-imagenet", "labels of ImageNet"),
        ("inception", ""),
    ],
)
def test_what_a_network_was_trained_on_is_said(images, network, said):
    found = of([images(networks=(network, network))])
    assert any(said in note for note in found)
    assert bool(said) == any(note.startswith(f"{network} ") for note in found)


@pytest.mark.parametrize("other", [50, 60])
def test_columns_apart_for_the_number_of_images_are_explained(images, other):
    found = of([images("a"), images("b", distilled=other)])
    assert any("another number of images" in note for note in found) == (other != 50)


def test_what_protocol_and_student_were_run_as_is_said_once_a_board(record):
    def run(method, at):
        one = record(method, at=at)
        protocol = replace(one.protocol, identity="hard/minimax@2+epochs=4")
        student = replace(one.student, identity="convnet3+depth=3")
        return replace(one, protocol=protocol, student=student)

    found = of([run(method, (s, 0)) for method in "ab" for s in range(2)])
    assert found.count("protocol hard is hard/minimax@2+epochs=4") == 1
    assert found.count("student convnet3 is convnet3+depth=3") == 1
    assert not any(" is convnet3" in note or " is hard" in note for note in of([record()]))


def test_one_name_of_several_meanings_says_which_is_with_which_student(record):
    """Fields that were not asked for can be those of the student, such as a learning rate."""

    def run(student, lr):
        one = record(student=student)
        return replace(one, protocol=replace(one.protocol, identity=f"hard+lr={lr}"))

    found = of([run("a", 1), run("b", 2), run("c", 1)])
    assert [note for note in found if note.startswith("protocol")] == [
        "protocol hard with a, c is hard+lr=1",
        "protocol hard with b is hard+lr=2",
    ]
    assert "protocol hard is hard+lr=1" in of([run("a", 1), run("b", 1)])


def test_the_legend_is_of_what_is_there(record, images, cost):
    assert not any("FID" in line for line in legend(build([record(), cost()])))
    assert not any("top-1" in line for line in legend(build([images()])))
    text = " ".join(legend(build([record(), images()])))
    assert "FID grows as images get fewer" in text
    assert "to infinity" not in text
    assert "cost" not in text


def test_the_legend_names_the_scores_that_are_left_out(images):
    boards = build([images()])
    (left_out,) = [line for line in legend(boards) if "--all-scores" in line]
    assert left_out.endswith("adds coverage")
    assert not any("--all-scores" in line for line in legend(boards, all_scores=True))


def test_the_legend_of_two_boards_says_everything_once(record):
    one, two = build([record(ipc=1)]), build([record(ipc=1), record(ipc=10)])
    assert legend(one) == legend(two)
