"""A browser's tab without a browser: Streamlit's WebSocket, its messages, and the pictures by HTTP.

It sends what Streamlit's own frontend sends and keeps what that keeps (the elements of the page,
the messages it has seen by their hash, the timers of fragments), but draws nothing.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 120.0  # seconds for a click
DONE = ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY
KEPT_MESSAGES = 2  # runs of a script for which a message is kept, as the frontend does
COOKIE = "_streamlit_xsrf"
HOME = "overview"  # the page that stands under no path, too


class Dropped(Exception):
    """The server closed the connection, or did not answer a click in time."""


@dataclass(frozen=True)
class Drawn:
    """An Element or Block, and by which run of the script, in which fragment, it was drawn."""

    run: str
    thing: object
    fragment: str


@dataclass(frozen=True)
class Shown:
    """A picture on the page, with what its `alt` says it is."""

    alt: str
    url: str


@dataclass
class Tab:
    """One session of one person; `await opened(...)` makes it.

    pictures: by their addresses, since a browser fetches none twice.
    """

    base: str
    socket: ClientConnection
    http: httpx2.AsyncClient
    pictures: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)  # the path of each to its hash
    page: str = ""  # the hash of the one that is shown
    query: str = ""
    bad: list[str] = field(default_factory=list)  # errors that the page has said
    rerun_by_itself: int = 0

    def __post_init__(self):
        self._elements: dict[tuple, Drawn] = {}  # by their places
        self._blocks: dict[tuple, Drawn] = {}
        self._widgets: dict[str, WidgetState] = {}
        self._seen: dict[bytes, tuple[int, ForwardMsg]] = {}
        self._timers: dict[str, asyncio.Task] = {}
        self._waiting: tuple[asyncio.Future, str] | None = None  # with the fragment, or ""
        self._run, self._runs = "", 0
        self._reader = asyncio.create_task(self._read())

    # --- what a person does ---------------------------------------------------------------------

    async def go(self, page: str, query: str = "") -> float:
        """Follow a link to a page; seconds until it is drawn."""
        self._widgets.clear()
        self.query, self.page = query, self.pages.get(page, "")
        return await self._click(ClientState(page_name="" if self.page or page == HOME else page))

    async def slide(self, label: str, to: float) -> float:
        """Move the slider whose label begins so; seconds until what depends on it is drawn."""
        found = ((one, it) for one in self._elements.values() if (it := one.thing.slider).id)
        kept, slider = next(pair for pair in found if pair[1].label.startswith(label))
        state = WidgetState(id=slider.id)
        state.double_array_value.data.append(to)
        return await self._choose(state, kept.fragment)

    async def open_tab(self, label: str) -> float:
        """Of the only row of tabs that is shown."""
        (kept,) = (one for one in self._blocks.values() if one.thing.tab_container.id)
        state = WidgetState(id=kept.thing.tab_container.id, string_value=label)
        return await self._choose(state, kept.fragment)

    async def leave(self) -> None:
        self._stop_timers(*self._timers)
        self._reader.cancel()
        await self.socket.close()
        await self.http.aclose()

    # --- what is on the page --------------------------------------------------------------------

    def of_kind(self, kind: str) -> list:
        """All elements that have this field of Element set."""
        return [
            getattr(one.thing, kind)
            for one in self._elements.values()
            if one.thing.WhichOneof("type") == kind
        ]

    def tabs(self) -> list[str]:
        """Labels of the tabs that are shown."""
        return [one.thing.tab.label for one in self._blocks.values() if one.thing.tab.label]

    def shown(self) -> list[Shown]:
        return [Shown(one.alt, one.url) for some in self.of_kind("imgs") for one in some.imgs]

    async def fetch(self) -> float:
        """Get all pictures of the page that were not fetched before; seconds that took."""
        began = time.perf_counter()
        wanted = {one.url for one in self.shown() if one.url.startswith("/")} - {*self.pictures}
        for url, found in zip(
            wanted, await asyncio.gather(*map(self.http.get, wanted)), strict=True
        ):
            if found.status_code != 200:
                self.bad.append(f"status {found.status_code} for a picture")
            else:
                self.pictures[url] = found.content
        return time.perf_counter() - began

    # --- the wire -------------------------------------------------------------------------------

    async def _choose(self, state: WidgetState, fragment: str) -> float:
        self._widgets[state.id] = state
        return await self._click(ClientState(fragment_id=fragment))

    async def _click(self, client: ClientState) -> float:
        began = time.perf_counter()
        future = asyncio.get_running_loop().create_future()
        self._waiting = future, client.fragment_id
        try:
            await self._send(client)
            await asyncio.wait_for(future, PATIENCE)
        except TimeoutError:
            raise Dropped(f"no answer in {PATIENCE:.0f} s") from None
        except ConnectionClosed as error:
            raise Dropped(str(error)) from None
        finally:
            self._waiting = None
        return time.perf_counter() - began

    async def _send(self, client: ClientState) -> None:
        client.query_string = self.query
        client.page_script_hash = self.page
        client.widget_states.widgets.extend(self._widgets.values())
        client.cached_message_hashes.extend(self._seen)
        client.context_info.url = f"{self.base}/"
        client.context_info.timezone = "Europe/Berlin"
        client.context_info.locale = "en-GB"
        client.context_info.color_scheme = "light"
        await self.socket.send(BackMsg(rerun_script=client).SerializeToString())

    async def _read(self) -> None:
        try:
            async for data in self.socket:
                message = ForwardMsg.FromString(data)
                if message.WhichOneof("type") == "ref_hash":
                    message = self._cached(message)
                self._take(message)
            raise Dropped("the server closed the connection")
        except (ConnectionClosed, Dropped) as error:
            self.bad.append(f"dropped: {error}")
            if self._waiting and not self._waiting[0].done():
                self._waiting[0].set_exception(Dropped(str(error)))

    def _cached(self, message: ForwardMsg) -> ForwardMsg:
        whole = ForwardMsg()
        whole.CopyFrom(self._seen[message.ref_hash][1])
        whole.metadata.CopyFrom(message.metadata)
        return whole

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if message.hash and message.metadata.cacheable:
            self._seen[message.hash] = self._runs, message
        match kind:
            case "new_session":
                self.page = message.new_session.page_script_hash
                self._run = message.metadata.run.script_run_id
                if not message.metadata.run.fragment_ids:
                    self._stop_timers(*self._timers)
            case "navigation":
                self.pages = {
                    HOME if page.is_default else page.url_pathname: page.page_script_hash
                    for page in message.navigation.app_pages
                }
            case "page_info_changed":
                self.query = message.page_info_changed.query_string
            case "delta":
                self._draw(message)
            case "auto_rerun":
                told = message.auto_rerun
                self._stop_timers(told.fragment_id)
                ticking = self._tick(told.fragment_id, told.interval)
                self._timers[told.fragment_id] = asyncio.create_task(ticking)
            case "stop_auto_rerun":
                self._stop_timers(*message.stop_auto_rerun.fragment_ids)
            case "page_not_found":
                self.bad.append("page not found")
            case "script_finished":
                self._finish(message)

    def _draw(self, message: ForwardMsg) -> None:
        path, run = tuple(message.metadata.delta_path), self._run
        delta = message.delta
        if delta.WhichOneof("type") == "new_element":
            self._forget_below(path)
            self._elements[path] = Drawn(run, delta.new_element, delta.fragment_id)
            one = delta.new_element
            if one.WhichOneof("type") == "exception":
                self.bad.append(f"exception: {one.exception.message[:200]}")
            elif one.WhichOneof("type") == "alert" and one.alert.format == Alert.ERROR:
                self.bad.append(f"error: {one.alert.title} {one.alert.body[:200]}")
        elif delta.WhichOneof("type") == "add_block":
            self._elements.pop(path, None)
            self._blocks[path] = Drawn(run, delta.add_block, delta.fragment_id)

    def _forget_below(self, path: tuple) -> None:
        """An element stands where a block stood: what was in that is gone."""
        if self._blocks.pop(path, None):
            for kept in self._elements, self._blocks:
                for other in [one for one in kept if one[: len(path)] == path]:
                    del kept[other]

    def _finish(self, message: ForwardMsg) -> None:
        if message.script_finished not in DONE:
            return
        run, fragments = message.metadata.run.script_run_id, {*message.metadata.run.fragment_ids}
        for kept in self._elements, self._blocks:
            for path, one in list(kept.items()):
                if one.run != run and (not fragments or one.fragment in fragments):
                    del kept[path]
        if not fragments:
            self._runs += 1
            self._seen = {
                key: one for key, one in self._seen.items() if one[0] >= self._runs - KEPT_MESSAGES
            }
        if self._waiting and not self._waiting[0].done():
            future, fragment = self._waiting
            if fragment in fragments if fragment else not fragments:
                future.set_result(None)

    async def _tick(self, fragment: str, seconds: float) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(seconds)
                self.rerun_by_itself += 1
                await self._send(ClientState(fragment_id=fragment, is_auto_rerun=True))

    def _stop_timers(self, *fragments: str) -> None:
        for fragment in fragments:
            if fragment in self._timers:
                self._timers.pop(fragment).cancel()


async def opened(base: str) -> Tab:
    """A new tab that has connected, and has not asked for a page yet.

    Args:
        base: as http://127.0.0.1:8501.
    """
    # the server closes what was still for five seconds; a request just then would be lost
    limits = httpx2.Limits(keepalive_expiry=2)
    http = httpx2.AsyncClient(base_url=base, timeout=PATIENCE, limits=limits)
    for path in ("/", "/_stcore/health"):  # the second gives the token
        (await http.get(path)).raise_for_status()
    token = http.cookies[COOKIE]
    socket = await connect(
        f"{base.replace('http', 'ws', 1)}/_stcore/stream", origin=base, max_size=None,
        subprotocols=["streamlit", token], open_timeout=PATIENCE,
        additional_headers={"Cookie": f"{COOKIE}={token}"},
    )  # fmt: skip
    return Tab(base, socket, http)
