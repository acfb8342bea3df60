"""The embedded Fusebit without its extensions, as a server of the contract alone: `-m tests.plain_fusebit`."""

import sys
from typing import Any

from fusebit_platform import __main__ as platform
from fusebit_platform import server

EXTENSIONS = ("extensions", "runs", "events", "policy")
serve = server.serve


def serve_the_contract(**options: Any) -> None:
    """Take the extensions' routes away, then serve."""
    from fusebit_platform import urls

    urls.urlpatterns[:] = [one for one in urls.urlpatterns if not _is_extension(one.callback)]
    serve(**options)


def _is_extension(view: Any) -> bool:
    return view.view_class.__module__ in {f"fusebit_platform.api.{name}" for name in EXTENSIONS}


if __name__ == "__main__":
    server.serve = serve_the_contract
    sys.exit(platform.main())
