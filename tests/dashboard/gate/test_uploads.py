"""A file on its way from a browser: to the disk, and to nobody who may not send one."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.dashboard.gate.tab import Tab

MB = 2**20
LIMITS = {"CAMSIGHT_UPLOAD_MB": "200", "CAMSIGHT_SESSION_UPLOAD_MB": "230"}


@pytest.fixture(scope="module")
def place(old_workspace) -> Path:
    return old_workspace


@pytest.fixture(scope="module")
def server(serve, place):
    return serve(place, **LIMITS)


@pytest.fixture
def tab(server) -> Iterator[Tab]:
    """Overview, with its uploader."""
    found = Tab(server.address)
    found.run(query="add=own")
    yield found
    for file in found.sent:
        found.forget(file)
    found.close()


def pets(pieces: int) -> bytes:
    """A zip of two classes, whose files are of a MB each and hold nothing."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for at in range(pieces):
            archive.writestr(f"{'cat' if at % 2 else 'dog'}/{at}.png", bytes(MB))
    return content.getvalue()


def pieces(count: int) -> Iterator[bytes]:
    return (bytes(MB) for _ in range(count))


def on_disk(place: Path) -> list[int]:
    found = (path for path in place.glob("uploads/*/*") if "lease" not in path.name)
    return sorted(path.stat().st_size for path in found)


def said(tab: Tab) -> str:
    """What a page says, without the signs that keep Markdown from reading it."""
    return tab.texts().replace("\\", "")


def test_a_large_zip_takes_disk_and_no_memory_and_its_page_reads_it_there(server, tab, place):
    content, process = pets(150), psutil.Process(server.process.pid)
    before = process.memory_info().rss
    status, _, file = tab.put([content], len(content))
    assert status == 204
    assert on_disk(place) == [len(content)]
    tab.run(query="add=own", widgets=[tab.chosen(file, "pets.zip", len(content))])
    assert "150 pictures by their names, in 2 classes: cat and dog." in said(tab)
    assert process.memory_info().rss - before < 60 * MB
    assert tab.forget(file) == 204
    assert on_disk(place) == []
    tab.run(query="add=own", widgets=[tab.chosen(file, "pets.zip", len(content))])
    assert "150 pictures" not in said(tab)


def test_a_page_without_an_uploader_takes_no_file(server, place):
    tab = Tab(server.address)
    tab.run("evaluate")
    status, said, _ = tab.put(pieces(3), 3 * MB)
    assert (status, said) == (403, "This page takes no files; open one that does.\n")
    tab.run("")
    tab.run("runs")  # nor one that was left
    assert tab.put(pieces(3), 3 * MB)[0] == 403
    assert on_disk(place) == []
    tab.close()


def test_a_forged_request_takes_no_file_and_gives_none_up(tab, place):
    _, _, file = tab.put(pieces(1), MB)
    for headers in ({"X-Xsrftoken": ""}, {"Cookie": ""}, {"X-Xsrftoken": "2|00000000|00|1"}):
        assert tab.put(pieces(1), MB, **headers)[0] == 403
        assert tab.forget(file, **headers) == 403
    assert on_disk(place) == [MB]
    assert tab.forget(file) == 204


def test_a_session_that_is_not_open_takes_no_file(tab, place):
    status, said, _ = tab.put(pieces(1), MB, session="0a1b2c3d-0000-0000-0000-000000000000")
    assert (status, said) == (400, "The page's session has ended; load it again.\n")
    path = f"/_stcore/upload_file/{tab.session}/../../x"
    assert tab.ask("PUT", path, b"x", {"Host": tab.host})[0] in (400, 404)
    assert on_disk(place) == []


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_a_file_that_is_too_large_is_refused_whatever_length_it_tells(tab, place, told):
    status, said, _ = tab.put(pieces(202), 202 * MB if told else -1)
    assert status == 413
    assert "larger than the 200 MB that this page takes" in said
    assert on_disk(place) == []


def test_the_budget_of_a_session_is_said_on_its_page_and_what_it_sent_before_stays(tab, place):
    first = tab.put(pieces(150), 150 * MB)
    second = tab.put(pieces(100), -1)  # which shows only in its middle
    assert (first[0], second[0]) == (204, 204)
    assert on_disk(place) == [150 * MB]
    tab.run(query="add=own", widgets=[tab.chosen(second[2], "more.zip", 100 * MB)])
    assert "would be more than 230 MB; take some of it back" in said(tab)
    assert tab.forget(first[2]) == 204


def test_a_browser_that_goes_in_the_middle_leaves_nothing(tab, place, until):
    class Gone(Exception):
        pass

    def broken() -> Iterator[bytes]:
        yield from pieces(20)
        until(lambda: on_disk(place))
        raise Gone

    with pytest.raises(Gone):
        tab.put(broken(), 50 * MB)
    until(lambda: on_disk(place) == [])


def test_what_is_no_file_is_refused(tab, place):
    path = f"/_stcore/upload_file/{tab.session}/f"
    told = {"X-Xsrftoken": tab.xsrf, "Cookie": f"_streamlit_xsrf={tab.xsrf}"}
    field = b'--e\r\nContent-Disposition: form-data; name="f"\r\n\r\nx\r\n--e--\r\n'
    form = "multipart/form-data; boundary=e"
    for kind, body in (("text/plain", b"x"), (form, b"x"), (form, field), (form, field[:40])):
        status, _ = tab.ask("PUT", path, body, told | {"Content-Type": kind})
        assert status == 400, (kind, body)
    file = field.replace(b'"f"', b'"f"; filename="a"')
    two = file.replace(b"--e--\r\n", b"") + file
    assert tab.ask("PUT", path, two, told | {"Content-Type": form})[0] == 400
    assert on_disk(place) == []


def test_a_tab_that_only_asks_by_itself_is_sent_away_and_its_files_go(serve, place, until):
    server = serve(place, CAMSIGHT_IDLE_MINUTES="0.1")
    tab = Tab(server.address)
    tab.run(query="add=own")
    assert tab.put(pieces(2), 2 * MB)[0] == 204
    told = [one.auth_redirect.url for one in tab.ask_by_itself() if one.HasField("auth_redirect")]
    assert told == ["/idle?to=%2F%3Fadd%3Down"]
    until(lambda: on_disk(place) == [])
    status, page = tab.ask("GET", "/idle?to=%2F%3Fadd%3Down", None, {"Host": tab.host})
    assert status == 200
    assert 'href="/?add=own"' in page
    again = Tab(server.address, session=tab.session, xsrf=tab.xsrf)  # nothing of it is there
    again.run(query="add=own")
    assert again.session != tab.session
    assert again.put(pieces(2), 2 * MB)[0] == 204
    server.process.terminate()
    assert server.process.wait(60) == 0
    assert on_disk(place) == []  # a server that ends leaves no file


# --- what a page says -----------------------------------------------------------------------------


def closed(tab: Tab) -> int:
    """The code with which the server ends the tab's connection."""
    with pytest.raises(ConnectionClosed) as end:
        list(tab.socket)
    return end.value.rcvd.code


def test_a_message_larger_than_all_widgets_is_not_looked_at(tab):
    tab.socket.send(bytes(5 * MB))
    assert closed(tab) == 1009


def test_a_message_of_hundreds_of_mb_is_refused_before_it_comes(tab):
    # the beginning of a frame, and nothing of what is in it
    tab.socket.socket.sendall(b"\x82\xff" + (300 * MB).to_bytes(8) + bytes(4))
    assert closed(tab) == 1009
