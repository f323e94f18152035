"""A tab of a browser without the browser: Streamlit's WebSocket, and uploads beside it."""

import http.client
import uuid
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SECONDS = 60  # for an answer
END = b"\r\n--edge--\r\n"


class Tab:
    """One session at `address`, as http://127.0.0.1:8501.

    Attributes:
        session: its id, once the first page was drawn.
        drawn: what the last run of a page sent.
        sent: the ids of all files that were sent.
    """

    def __init__(self, address: str, session: str = "", xsrf: str = ""):
        self.host = urlsplit(address).netloc
        self.xsrf = xsrf or generate_xsrf_token_string()
        self.session, self.drawn, self.sent = session, [], []
        told = [part for part in ("streamlit", self.xsrf, session) if part]
        self._open = ExitStack()
        opening = connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=told,
            origin=f"http://{self.host}",
            additional_headers={"Cookie": f"_streamlit_xsrf={self.xsrf}"},
            max_size=None,
        )
        self.socket = self._open.enter_context(opening)

    def run(self, page: str = "", query: str = "", by_itself: bool = False,
            widgets: Iterable[WidgetState] = (), fragment: str = "") -> list[ForwardMsg]:
        """Draw a page, as a click does or (`by_itself`) a fragment's own timer."""
        asked = BackMsg()
        asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
        asked.rerun_script.is_auto_rerun, asked.rerun_script.fragment_id = by_itself, fragment
        asked.rerun_script.widget_states.widgets.extend(widgets)
        self.socket.send(asked.SerializeToString())
        self.drawn = []
        while not self.drawn or self.drawn[-1].WhichOneof("type") != "script_finished":
            message = ForwardMsg()
            message.ParseFromString(self.socket.recv(timeout=SECONDS))
            self.drawn.append(message)
            if message.WhichOneof("type") == "new_session":
                self.session = message.new_session.initialize.session_id
        return self.drawn

    def texts(self) -> str:
        """What the last run drew, as it is sent."""
        return "\n".join(str(message.delta) for message in self.drawn)

    def uploader(self) -> str:
        """The id of the first uploader that was drawn."""
        elements = (message.delta.new_element for message in self.drawn)
        return next(one.file_uploader.id for one in elements if one.HasField("file_uploader"))

    def put(self, content: Iterable[bytes], size: int, *, name: str = "pets.zip", file: str = "",
            session: str = "", **headers: str) -> tuple[int, str, str]:
        """Send a file as the uploader does: status, body, and the id of the file.

        Args:
            size: that is told of the content, in bytes; below 0 for none.
        """
        file = file or str(uuid.uuid4())
        self.sent.append(file)
        start = (
            f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/zip\r\n\r\n"
        ).encode()
        length = {"Content-Length": str(len(start) + size + len(END))} if size >= 0 else {}
        told = {
            "Host": self.host, "Origin": f"http://{self.host}", "X-Xsrftoken": self.xsrf,
            "Cookie": f"_streamlit_xsrf={self.xsrf}",
            "Content-Type": "multipart/form-data; boundary=edge",
        } | length  # fmt: skip
        parts = (part for some in ([start], content, [END]) for part in some)
        status, body = self.ask(
            "PUT", f"/_stcore/upload_file/{session or self.session}/{file}", parts, told | headers
        )
        return status, body, file

    def forget(self, file: str, **headers: str) -> int:
        """Take a file back: the status."""
        told = {"X-Xsrftoken": self.xsrf, "Cookie": f"_streamlit_xsrf={self.xsrf}"} | headers
        path = f"/_stcore/upload_file/{self.session}/{file}"
        return self.ask("DELETE", path, None, told)[0]

    def ask(self, method: str, path: str, body, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self.host, timeout=SECONDS)
        try:
            with suppress(BrokenPipeError, ConnectionResetError):  # refused before it was all sent
                connection.request(method, path, body, headers,
                                   encode_chunked="Content-Length" not in headers and bool(body))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def chosen(self, file: str, name: str, size: int) -> WidgetState:
        """The uploader's state after a file was sent."""
        state = WidgetState(id=self.uploader())
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.file_id, info.name, info.size = file, name, size
        info.file_urls.file_id = file
        return state

    def ask_by_itself(self) -> list[ForwardMsg]:
        """Draw the page again and again, as a fragment's timer does, until the server closes the
        connection: all that it said."""
        said = []
        with suppress(ConnectionClosed):
            while True:
                said += self.run(by_itself=True)
        return said + self.drawn

    def close(self) -> None:
        self._open.close()
