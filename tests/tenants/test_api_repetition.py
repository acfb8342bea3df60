"""A request that is repeated has no second effect, and too many of them are asked to come again later."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tenants.models import Function, KeptAnswer
from tenants.services import repetitions
from tests.cast import Cast
from tests.tenants.test_api_access import Api, api

__all__ = ["api"]


def test_the_same_key_gets_the_same_answer_and_has_no_second_effect(cast: Cast, api: Api) -> None:
    first = api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")
    again = api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (again["ETag"], again["Idempotency-Replayed"]) == (first["ETag"], "true")
    assert Function.objects.filter(name="orders").count() == 1


def test_a_key_of_another_request_is_a_conflict(api: Api) -> None:
    api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")

    answer = api("POST", "functions/", {"name": "other"}, Idempotency_Key="k-1")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")


def test_a_key_whose_first_request_is_still_at_work_asks_to_come_again(cast: Cast, api: Api) -> None:
    api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")
    KeptAnswer.objects.update(status=None)

    answer = api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")

    assert (answer.status_code, answer["Retry-After"]) == (409, "1")


def test_a_request_that_failed_leaves_its_key_free(api: Api) -> None:
    refused = api("POST", "functions/", {"name": "hello"}, Idempotency_Key="k-1")
    made = api("POST", "functions/", {"name": "other"}, Idempotency_Key="k-1")

    assert (refused.status_code, made.status_code) == (409, 201)


def test_keys_are_a_persons_own_and_live_a_day(cast: Cast, api: Api) -> None:
    api("POST", "functions/", {"name": "orders"}, Idempotency_Key="k-1")
    other = Api(cast, user=cast.dee)("POST", "functions/", {"name": "dees"}, Idempotency_Key="k-1")
    KeptAnswer.objects.update(created_at=timezone.now() - repetitions.KEPT_FOR - timedelta(seconds=1))
    later = api("POST", "functions/", {"name": "later"}, Idempotency_Key="k-1")

    assert (other.status_code, later.status_code) == (201, 201)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_a_key_that_is_no_key_is_refused(api: Api, key: str) -> None:
    assert api("POST", "functions/", {"name": "orders"}, Idempotency_Key=key).status_code == 400


def test_a_kept_answer_is_encrypted(cast: Cast, api: Api) -> None:
    made = api("POST", "tokens/", {"name": "ci"}, Idempotency_Key="k-1").json()

    assert made["token"] not in repr(list(KeptAnswer.objects.values()))
    assert api("POST", "tokens/", {"name": "ci"}, Idempotency_Key="k-1").json() == made


def test_too_many_requests_are_asked_to_come_again(api: Api, settings: Any) -> None:
    settings.API_RATE = "2/min"

    statuses = [api("GET").status_code for _ in range(3)]
    answer = api("GET")

    assert statuses == [200, 200, 429]
    assert answer.json()["code"] == "throttled"
    assert 0 < int(answer["Retry-After"]) <= 60


def test_calls_of_functions_have_a_rate_of_their_own(api: Api, settings: Any) -> None:
    settings.API_RUN_RATE = "1/min"

    statuses = [api("POST", "functions/hello/invoke/", {}).status_code for _ in range(2)]

    assert statuses == [409, 429]
    assert api("GET").status_code == 200


def test_another_person_is_not_throttled(cast: Cast, api: Api, settings: Any) -> None:
    settings.API_RATE = "1/min"
    api("GET")

    assert (api("GET").status_code, Api(cast, user=cast.ben)("GET").status_code) == (429, 200)
