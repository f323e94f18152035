"""How many files a folder or a zip may hold (`max_entries`): counted before anything is made of
them."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from engine.commands.preview import preview
from engine.data.sources import open_source
from engine.errors import SourceError
from engine.settings import settings

NAMES = [f"{word}/{at}.png" for word in ("cat", "dog") for at in range(10)]
SAYS = r"holds more than 19 files; take fewer, or let whoever runs this raise CAMSIGHT_MAX_ENTRIES"


def packed(names=NAMES) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    content.name = "pets.zip"
    return content


def folder(place: Path) -> Path:
    for name in NAMES:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).touch()
    return place


def test_as_many_as_are_allowed_are_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(settings(), "max_entries", 22)  # with the folders of a folder
    assert len(open_source(packed()).files) == 20
    assert len(open_source(folder(tmp_path / "pets")).files) == 20


@pytest.mark.parametrize("kind", ["zip", "large zip", "folder", "zip on disk"])
def test_more_are_refused_in_a_sentence(tmp_path, monkeypatch, kind):
    if kind == "large zip":  # its directory ends as that of one of more than 4 GB
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 3)
    source = folder(tmp_path / "pets") if kind == "folder" else packed()
    if kind == "zip on disk":
        (tmp_path / "pets.zip").write_bytes(source.getvalue())
        source = tmp_path / "pets.zip"
    monkeypatch.setattr(settings(), "max_entries", 19)
    with pytest.raises(SourceError, match=SAYS):
        preview(source)


def test_a_directory_of_millions_takes_no_memory_before_it_is_refused(monkeypatch):
    """Whatever number its end tells: zipfile reads as much as it is told, and goes by no number."""
    content = packed([f"cat/{at}" for at in range(20_000)]).getvalue()
    end = bytearray(content[-22:])
    end[8:12] = b"\2\0\2\0"  # two entries, as it says
    monkeypatch.setattr(settings(), "max_entries", 100)
    file = io.BytesIO(content[:-22] + bytes(end))
    tracemalloc.start()
    with pytest.raises(SourceError, match="more than 100 files"):
        open_source(file)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 500_000


def test_a_directory_that_says_it_is_huge_is_not_read(monkeypatch):
    content = packed(["cat/1.png"]).getvalue()
    end = bytearray(content[-22:])
    junk = bytes(3_000_000)
    end[12:16] = (len(junk) + 55).to_bytes(4, "little")
    monkeypatch.setattr(settings(), "max_entries", 100)
    with pytest.raises(SourceError, match="more than 100 files"):
        open_source(io.BytesIO(content[:-22] + junk + bytes(end)))
