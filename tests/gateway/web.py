"""requests, with a deadline on everything."""

from functools import partial
from typing import Any

import requests
from requests import Response

SECONDS = 20


def request(method: str, url: str, **options: Any) -> Response:
    options.setdefault("timeout", SECONDS)
    return requests.request(method, url, **options)  # noqa: S113


get, post, head, options = (partial(request, method) for method in ("GET", "POST", "HEAD", "OPTIONS"))
