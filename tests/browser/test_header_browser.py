"""What Streamlit itself draws above our pages."""

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

pytestmark = pytest.mark.browser


def never_finished(page: Page) -> None:
    """Keep from the browser that a page has been drawn to its end."""

    def hold(browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()

        def told(data: bytes) -> None:
            message = ForwardMsg.FromString(data)
            ends = message.WhichOneof("type") == "script_finished" or (
                message.WhichOneof("type") == "session_status_changed"
                and not message.session_status_changed.script_is_running
            )
            if not ends:
                browser.send(data)

        server.on_message(told)

    page.route_web_socket("**/_stcore/stream", hold)


def test_no_stop_of_streamlits_stands_above_stop_and_keep_the_best(open_at, address):
    page = open_at("")
    never_finished(page)
    page.goto(f"{address}/train")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stStatusWidgetRunningIcon")).to_be_visible()
    expect(page.get_by_test_id("stStatusWidget").get_by_role("button")).to_have_count(0)
