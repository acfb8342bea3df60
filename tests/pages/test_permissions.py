"""Who sees which page: one row for every URL and method."""

import pytest
from django.test import Client
from django.urls import URLPattern, reverse

from tenants.urls import urlpatterns
from tests.cast import Cast
from tests.pages.conftest import SignedIn

ACTORS = ("anonymous", "stranger", "viewer", "owner", "operator")
# The status for each actor, in the order of ACTORS; anonymous people are sent to the sign-in page.
MATRIX: dict[tuple[str, str], tuple[int, int, int, int, int]] = {
    ("home", "get"): (302, 302, 302, 302, 302),
    ("setup", "get"): (302, 404, 302, 302, 404),
    ("retry", "post"): (302, 404, 403, 302, 404),
    ("functions", "get"): (302, 404, 200, 200, 404),
    ("functions", "post"): (302, 404, 403, 422, 404),
    ("function", "get"): (302, 404, 200, 200, 404),
    ("function", "post"): (302, 404, 403, 422, 404),
    ("state", "get"): (302, 404, 200, 200, 404),
    ("run", "get"): (302, 404, 302, 302, 404),
    ("run", "post"): (302, 404, 200, 200, 404),
    ("deploy", "get"): (302, 404, 403, 404, 404),
    ("deploy", "post"): (302, 404, 403, 404, 404),
    ("answering", "get"): (302, 404, 200, 200, 404),
    ("adopt", "post"): (302, 404, 403, 302, 404),
    ("compare", "get"): (302, 404, 200, 200, 404),
    ("versions", "get"): (302, 404, 200, 200, 404),
    ("version", "get"): (302, 404, 200, 200, 404),
    ("delete", "get"): (302, 404, 403, 200, 404),
    ("delete", "post"): (302, 404, 403, 422, 404),
}
METHODS = ("get", "post", "put", "patch", "delete")
PLACES = {"slug": "", "name": "hello", "number": 1}


def address(name: str, cast: Cast) -> str:
    """The URL of the page `name` of Ada's tenant."""
    pattern = next(one for one in urlpatterns if isinstance(one, URLPattern) and one.name == name)
    wanted = pattern.pattern.regex.groupindex
    places = {key: value for key, value in {**PLACES, "slug": cast.tenant.slug}.items() if key in wanted}
    return reverse(f"tenants:{name}", kwargs=places)


def browsers(cast: Cast, signed_in: SignedIn) -> dict[str, Client]:
    """A browser for each actor."""
    people = {"stranger": cast.cy, "viewer": cast.ben, "owner": cast.ada, "operator": cast.op}
    return {"anonymous": Client()} | {actor: signed_in(user) for actor, user in people.items()}


@pytest.mark.parametrize(("name", "method"), MATRIX)
def test_every_page_answers_each_actor_as_the_matrix_says(
    name: str, method: str, cast: Cast, signed_in: SignedIn
) -> None:
    url = address(name, cast)

    seen = {actor: getattr(client, method)(url).status_code for actor, client in browsers(cast, signed_in).items()}

    assert seen == dict(zip(ACTORS, MATRIX[name, method], strict=True))


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: str(pattern.name))
@pytest.mark.parametrize("method", METHODS)
def test_a_method_without_a_row_in_the_matrix_is_not_allowed(
    pattern: URLPattern, method: str, cast: Cast, signed_in: SignedIn
) -> None:
    name = str(pattern.name)
    if (name, method) not in MATRIX:
        assert getattr(signed_in(cast.ada), method)(address(name, cast)).status_code == 405


def test_a_post_without_the_csrf_token_is_refused(cast: Cast, home_of: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.ada, backend="django.contrib.auth.backends.ModelBackend")

    for path in ("functions/", "functions/hello/", "functions/hello/run/", "functions/hello/deploy/", "setup/retry/"):
        assert client.post(home_of + path).status_code == 403, path
