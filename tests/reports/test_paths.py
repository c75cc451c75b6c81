"""Which texts are paths of a machine, and what is left of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.page import page
from reports.paths import without_paths

PATHS = [
    ("/a/b/c", "…/b/c"),
    ("/a/b/c/d.py", "…/c/d.py"),
    ("/a/b", "…/b"),
    ("/home/me", "…"),
    ("/home/me/", "…"),
    ("/home/me/runs", "…/runs"),
    ("/home/me/runs/x", "…/runs/x"),
    ("/mnt/home/me/x", "…/x"),
    ("/Users/me/Documents/x", "…/Documents/x"),
    ("~/x", "…/x"),
    ("~me/x/y", "…/x/y"),
    ("//server/share/x", "…/share/x"),
    (r"C:\Users\me\x\y.py", "…/x/y.py"),
    ("C:/Users/me/x", "…/x"),
    (r"\\server\share\x", "…/share/x"),
    (r"C:\\Users\\me\\x", "…/x"),
]


@pytest.mark.parametrize(("path", "short"), PATHS)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        ("--out=", ""),
        ("photos=folder:", " --yes"),
        ("'", "'"),
        ('File "', '", line 3, in f'),
        ("(", ")"),
        ("x, ", ", y"),
        ("[", "]"),
    ],
)
def test_paths_are_cut_wherever_they_stand(path, short, before, after):
    assert without_paths(before + path + after) == before + short + after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'/home/me/My Pictures/x'", "'…/My Pictures/x'"),
        ("'photos=folder:/home/me/My Pictures/x y'", "'photos=folder:…/My Pictures/x y'"),
        (r"/home/me/My\ Pictures/x", r"…/My\ Pictures/x"),
        ("PATH=/a/b/bin:/c/d/lib", "PATH=…/b/bin:…/d/lib"),
        ("bench -o/home/me/x/y --yes", "bench -o…/x/y --yes"),
        ("file:///home/me/x/y", "file:…/x/y"),
        ("/a/b/c.py:12: Warning", "…/b/c.py:12: Warning"),
        ("can't open /home/me/a/b: denied", "can't open …/a/b: denied"),
        ("PosixPath('/home/me/a/b')", "PosixPath('…/a/b')"),
        ("folder[path=/home/me/a/b,side=3]", "folder[path=…/a/b,side=3]"),
    ],
)
def test_paths_within_other_texts(text, expected):
    assert without_paths(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hard/minimax+epochs_scale=0.03",
        "igd/minimax, torchvision/resnet18 and/or n / a",
        "runs/default/records ./x/y ../a/b/c",
        "https://github.com/owner/name/blob/main/x.py",
        "see (http://a.org/b/c).",
        "2026/11/21, 3/4 and 1 / 2",
        "</script>",
        "[red]x[/red]",
        "…/b/c",
        "",
        "a: b, c = d",
    ],
)
def test_other_texts_stay(text):
    assert without_paths(text) == text


def test_every_line_of_a_traceback_is_cut():
    told = without_paths(
        "Traceback (most recent call last):\n"
        '  File "/home/me/lib/python3.11/site-packages/bench/run.py", line 3, in run\n'
        "    open('/home/me/My Data/x')\n"
        "FileNotFoundError: [Errno 2] No such file or directory: '/home/me/My Data/x'\n"
    )
    assert "home" not in told
    assert "me/" not in told
    assert told.count("\n") == 4
    assert "…/bench/run.py" in told


PART = st.text("abcdefgh0123456789._", min_size=1, max_size=6).filter(lambda part: part.strip("."))


@given(
    parts=st.lists(PART, min_size=2, max_size=5),
    before=st.sampled_from(["", "--out ", "x=", "a:", "'", '"', "("]),
)
def test_the_first_part_is_never_shown(parts, before):
    text = f"{before}/SECRET/" + "/".join(parts)
    found = without_paths(text)
    assert "SECRET" not in found
    assert found.endswith("/".join(parts[-2:]))


@given(text=st.text(st.sampled_from("ab~/\\:='\" .-\nC…"), max_size=30))
def test_cutting_twice_is_cutting_once(text):
    once = without_paths(text)
    assert without_paths(once) == once


def test_a_page_names_no_folder_of_the_machine(told_small):
    """The commands and failures of the story hold paths of a home and of its own folder."""
    text = page(told_small.material)
    assert "/home/" not in text
    assert str(told_small.folder.parent) not in text
