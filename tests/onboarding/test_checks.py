"""A site that is configured half-way says so before anybody meets a missing button."""

from onboarding import checks, providers
from onboarding.environment import Environment


def test_a_provider_that_is_half_configured_is_named_with_what_is_missing(settings: object) -> None:
    env = Environment({"SOCIAL_AUTH_AUTH0_KEY": "k", "SOCIAL_AUTH_AUTH0_SECRET": "s", "SOCIAL_AUTH_GITHUB_SECRET": "s"})
    settings.SIGN_IN_HALF_CONFIGURED = providers.half_configured(env)
    settings.SIGN_IN_BUTTONS = [{"name": "gitlab", "title": "GitLab"}]

    found = checks.sign_in()

    assert [warning.id for warning in found] == ["onboarding.W001"] * 2
    assert "SOCIAL_AUTH_AUTH0_DOMAIN" in str(found[1]) + str(found[0])


def test_a_site_that_nobody_can_sign_in_to_is_mentioned(settings: object) -> None:
    settings.SIGN_IN_HALF_CONFIGURED, settings.SIGN_IN_BUTTONS = {}, []

    assert [message.id for message in checks.sign_in()] == ["onboarding.I002"]
