"""The gate's own pages: plain HTML in the house's look, without a script."""

from collections.abc import Sequence
from html import escape

from starlette.responses import HTMLResponse

from dashboard.gate.headers import FORM
from dashboard.words import plain

STATIC = "/sign-in/static"  # open to everybody: dashboard/static holds nothing of anyone's
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Camsight</title>
<link rel="icon" href="{static}/favicon.png">
<link rel="stylesheet" href="{static}/gate.css">
</head>
<body>
<main>
<img src="{static}/logo.svg" alt="Camsight" height="32">
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""


def page(
    title: str,
    sentences: Sequence[str],
    *,
    links: Sequence[tuple[str, str]] = (),
    form: tuple[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    """A page of sentences, and what to do then.

    Args:
        links: words and address of where to go on, the likeliest first.
        form: words of a button, and the address that it posts to; likelier than any link.
    """
    body = [f"<p>{escape(plain(sentence))}</p>" for sentence in sentences]
    if form:
        words, address = form
        button = f"<button>{escape(words)}</button>"
        body.append(f'<form method="post" action="{escape(address)}">{button}</form>')
    for at, (words, address) in enumerate(links):
        kind = ' class="also"' if at or form else ""
        body.append(f'<p><a href="{escape(address)}"{kind}>{escape(words)}</a></p>')
    return HTMLResponse(
        _PAGE.format(title=escape(title), static=STATIC, body="\n".join(body)),
        status_code=status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": FORM,
        },
    )
