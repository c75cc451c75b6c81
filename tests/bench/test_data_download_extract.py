"""Archives as strangers make them: what is no plain photograph is refused, and nothing escapes."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.data.download.archives import Refused
from bench.data.download.extract import Limits, extract, safe_name


def tgz(path: Path, *members: tuple[str, bytes] | tarfile.TarInfo, form=tarfile.PAX_FORMAT) -> Path:
    """Write an archive of files (name, content) and of bare headers."""
    with tarfile.open(path, "w:gz", format=form) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                # As bytes: from Python 3.13 on, `addfile` refuses a size without a content.
                content = member.tobuf(tar.format, tar.encoding, tar.errors)
                tar.fileobj.write(content)
                tar.offset += len(content)
                continue
            header = tarfile.TarInfo(member[0])
            header.size = len(member[1])
            tar.addfile(header, io.BytesIO(member[1]))
    return path


def header(name: str, kind: bytes, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def below(name: PurePosixPath) -> PurePosixPath:
    return PurePosixPath(*name.parts[1:])


def unpack(archive: Path, wanted=below, **limits: object):
    return extract(
        archive,
        archive.parent / "into",
        wanted,
        limits=Limits(**limits),
        watch=lambda *_: None,
    )


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_files_are_written_where_they_are_wanted_and_the_rest_is_left_out(tmp_path):
    archive = tgz(
        tmp_path / "a.tgz",
        header("top", tarfile.DIRTYPE),
        ("./top//train/x/1.png", b"one"),
        ("top/notes.csv", b"no" * 3000),
        ("top/train/y/2.png", b"two" * 5000),
    )
    made = unpack(archive, lambda name: below(name) if name.suffix == ".png" else None)
    assert everything(tmp_path / "into") == {
        *("train", "train/x", "train/y", "train/x/1.png", "train/y/2.png")
    }
    assert (tmp_path / "into/train/y/2.png").read_bytes() == b"two" * 5000
    assert (made.files, made.bytes) == (2, 3 + 15_000)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_common_kind_of_tar_is_read_as_tarfile_itself_reads_it(form, tmp_path):
    files = [(f"top/{'d' * 90}/{k:03d}.png", os.urandom(700 * k)) for k in range(5)]
    archive = tgz(tmp_path / "a.tgz", *files, form=form)
    unpack(archive)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            content = tar.extractfile(member).read()
            assert (tmp_path / "into" / below(PurePosixPath(member.name))).read_bytes() == content


def test_what_is_written_belongs_to_us_and_cannot_be_run(tmp_path):
    program = header("top/run.png", tarfile.REGTYPE, mode=0o6777, uid=0)
    unpack(tgz(tmp_path / "a.tgz", program))
    assert (tmp_path / "into/run.png").stat().st_mode & 0o7111 == 0


HOSTILE = {
    "a name that goes up": ("../escaped.png", b"x"),
    "a name that goes up inside": ("top/a/../../../escaped.png", b"x"),
    "a name from the root": ("/escaped.png", b"x"),
    "a name of Windows": ("top\\..\\..\\escaped.png", b"x"),
    "a drive": ("C:/escaped.png", b"x"),
    "a name that moves the cursor": ("top/a\x1b[2J.png", b"x"),
    "a name that is no UTF-8": ("top/\udcff.png", b"x"),
    "a name longer than any system has": (f"top/{'a' * 300}.png", b"x"),
    "a link": header("top/a.png", tarfile.SYMTYPE, linkname="/etc/passwd"),
    "a link to a folder": header("top", tarfile.SYMTYPE, linkname="/tmp"),
    "a hard link": header("top/a.png", tarfile.LNKTYPE, linkname="../../escaped.png"),
    "a pipe": header("top/a.png", tarfile.FIFOTYPE),
    "a device": header("top/a.png", tarfile.CHRTYPE, devmajor=1, devminor=3),
    "a disk": header("top/a.png", tarfile.BLKTYPE, devmajor=8),
    "a kind nobody knows": header("top/a.png", b"Q"),
    "a file of holes": header("top/a.png", tarfile.GNUTYPE_SPARSE, size=0),
    "a file larger than photographs are": header("top/a.png", tarfile.REGTYPE, size=2**27),
    "a file of fewer than no bytes": header("top/a.png", tarfile.REGTYPE, size=-5),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("wanted", [below, lambda name: None], ids=["wanted", "left out"])
def test_an_archive_that_holds_anything_but_plain_files_is_refused(case, wanted, tmp_path):
    form = tarfile.GNU_FORMAT if isinstance(HOSTILE[case], tarfile.TarInfo) else tarfile.PAX_FORMAT
    archive = tgz(tmp_path / "a.tgz", ("top/first.png", b"x"), HOSTILE[case], form=form)
    with pytest.raises(Refused):
        unpack(archive, wanted)
    outside = {name for name in everything(tmp_path) if not name.startswith("into")}
    assert outside == {"a.tgz"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    assert everything(tmp_path / "into") <= {"first.png"}


@pytest.mark.parametrize("second", ["top/a.png", "top/A.PNG", "./top/./a.png"])
def test_a_file_that_comes_twice_is_refused_whatever_the_system_takes_for_equal(second, tmp_path):
    archive = tgz(tmp_path / "a.tgz", ("top/a.png", b"one"), (second, b"two"))
    with pytest.raises(Refused, match="twice"):
        unpack(archive)
    assert (tmp_path / "into/a.png").read_bytes() == b"one"


def test_a_file_where_a_folder_is_wanted_is_no_way_out(tmp_path):
    archive = tgz(tmp_path / "a.tgz", ("top/a", b"one"), ("top/a/b.png", b"two"))
    with pytest.raises(OSError, match="a"):
        unpack(archive)
    assert everything(tmp_path / "into") == {"a"}


def test_a_bomb_is_refused_long_before_it_is_unpacked(tmp_path):
    archive = tgz(tmp_path / "a.tgz", *((f"top/{k}.png", bytes(2**20)) for k in range(8)))
    assert archive.stat().st_size < 2**14
    with pytest.raises(Refused, match="far more"):
        unpack(archive, ratio_from=2**21)
    written = sum(p.stat().st_size for p in (tmp_path / "into").rglob("*") if p.is_file())
    assert written <= 2**21


def test_a_bomb_in_a_file_that_is_left_out_is_refused_too(tmp_path):
    archive = tgz(tmp_path / "a.tgz", ("top/a.csv", bytes(2**22)))
    with pytest.raises(Refused, match="far more"):
        unpack(archive, lambda name: None, ratio_from=2**20)


def test_an_archive_may_not_grow_beyond_the_whole_limit_however_large_it_is(tmp_path):
    archive = tgz(tmp_path / "a.tgz", *((f"top/{k}.png", os.urandom(2**17)) for k in range(4)))
    with pytest.raises(Refused, match="far more"):
        unpack(archive, bytes=2**18)


def test_too_many_members_are_refused(tmp_path):
    folders = (header(f"top/{k}", tarfile.DIRTYPE) for k in range(12))
    with pytest.raises(Refused, match="more than 10 members"):
        unpack(tgz(tmp_path / "a.tgz", *folders), members=10)


def test_headers_that_would_fill_the_memory_are_refused(tmp_path):
    large = tarfile.TarInfo("top/a.png")
    large.pax_headers = {"comment": "x" * 2**18}
    with pytest.raises(Refused, match="headers"):
        unpack(tgz(tmp_path / "a.tgz", large))


def test_a_long_chain_of_headers_is_refused(tmp_path):
    one = header("x", tarfile.XHDTYPE, size=0).tobuf(tarfile.USTAR_FORMAT)
    with gzip.open(tmp_path / "a.tgz", "wb") as file:
        file.write(one * 3000)
    with pytest.raises(Refused):
        unpack(tmp_path / "a.tgz")


@pytest.mark.parametrize("size", [-1, -512, -1024, 2**60])
def test_a_header_that_lies_about_its_size_is_refused(size, tmp_path):
    lie = header("top/a.png", tarfile.GNUTYPE_LONGNAME, size=size).tobuf(tarfile.GNU_FORMAT)
    with gzip.open(tmp_path / "a.tgz", "wb") as file:
        file.write(lie + bytes(4096))
    with pytest.raises(Refused):
        unpack(tmp_path / "a.tgz")


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) * 2 // 3]


def without_its_end(raw: bytes) -> bytes:
    return raw[:-4]


def changed(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


def no_gzip(raw: bytes) -> bytes:
    return b"\x1f\x8b\x08" + b"not gzip at all" * 99


def no_tar(raw: bytes) -> bytes:
    return gzip.compress(os.urandom(5000))


def nothing(raw: bytes) -> bytes:
    return gzip.compress(b"")


def more_behind(raw: bytes) -> bytes:
    return raw + gzip.compress(b"and another thing" * 9999)


@pytest.mark.parametrize(
    "harm", [cut, without_its_end, changed, no_gzip, no_tar, nothing, more_behind]
)
def test_a_damaged_archive_is_refused(harm, tmp_path):
    archive = tgz(tmp_path / "a.tgz", *((f"top/{k}.png", os.urandom(9000)) for k in range(9)))
    archive.write_bytes(harm(archive.read_bytes()))
    with pytest.raises(Refused):
        unpack(archive)


def test_a_folder_that_is_there_is_never_unpacked_into(tmp_path):
    (tmp_path / "into").mkdir()
    with pytest.raises(FileExistsError):
        unpack(tgz(tmp_path / "a.tgz", ("top/a.png", b"x")))
    assert everything(tmp_path / "into") == set()


@given(st.text(st.sampled_from("ab./\\:\0\n~é\udc80"), max_size=12) | st.text(max_size=20))
def test_a_name_is_refused_or_stays_below_its_folder(name):
    try:
        safe = safe_name(name)
    except Refused:
        return
    assert not safe.is_absolute()
    place = os.path.normpath(f"/somewhere/{safe}")
    assert place == "/somewhere" or place.startswith("/somewhere/")
    assert place == os.path.normpath(f"/somewhere/{name}")
