"""Names, searches and paths that only look like what they are not."""

from urllib.parse import urlencode

import pytest

from tests.cast import Cast
from tests.tenants.test_api_access import Api, api
from tests.tenants.test_hostile import signed_in

__all__ = ["api"]


@pytest.mark.parametrize(
    "name",
    ["HELLO", "hello ", "hell\u043e", "\uff48ello", "hello\u200b", "hello%00", "hello;x", "hello.json"],
)
def test_id_24_a_name_that_only_looks_like_one_is_another_one(cast: Cast, api: Api, name: str) -> None:
    assert api("GET", f"functions/{name}/").status_code == 404
    assert signed_in(cast.ada).get(f"/t/{cast.tenant.slug}/functions/{name}/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/API/v1/tenants/",
            "//api/v1/tenants/",
            "/api//v1/tenants/",
            "/api/v1/tenants/.json",
            "/api/v1/tenants.json",
        ),
        *(
            "/api/v1/tenants/;a=b/",
            "/api/v1/tenants/%2e%2e/tenants/x",
            "/api/v1/../v1/tenants/x",
            "/api/v1/tenants/\0/",
        ),
        *("/api/v1/tenants/{}/secrets.css", "/api/v1/tenants/{}/configs", "/t/{}/members.json", "/t/{}/audit/.css"),
    ],
)
def test_in_11_a_path_by_another_spelling_leads_nowhere(cast: Cast, path: str) -> None:
    answer = signed_in(cast.ada).get(path.format(cast.tenant.slug), follow=True)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        *(
            "abc\n",
            "\u0661\u0662\u0663",
            "\u212aey",
            "\u017fave",
            "\u0430bc",
            "a\u200bb",
            "a\u202eb",
            "e\u0301",
            "\u00e9",
        ),
        *("", " ", "a b", "a.b", "a/b", "x" * 65, "a_b", "\x00"),
    ],
)
def test_in_01_a_function_is_named_in_plain_letters_digits_and_hyphens(cast: Cast, api: Api, name: str) -> None:
    answer = api("POST", "functions/", {"name": name})

    assert answer.status_code == 400
    assert cast.tenant.functions.count() == 1


@pytest.mark.parametrize("text", ["(a+)+$" * 30, "%", "_", "\\", "'; --", "\x00", "a" * 5_000, "\ud800"])
def test_in_09_whatever_is_searched_for_is_only_text(cast: Cast, api: Api, text: str) -> None:
    client = signed_in(cast.ada)
    query = urlencode({"q": text}, errors="surrogatepass")

    pages = [client.get(f"/t/{cast.tenant.slug}/{page}/?{query}").status_code for page in ("functions", "runs")]

    assert pages == [200, 200]
    assert api("GET", f"functions/hello/runs/?{query}").status_code in {200, 400}
