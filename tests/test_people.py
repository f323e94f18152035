"""Who may do what, and who is who."""

import pytest

from engine.errors import AccessError
from engine.people import WHOEVER, Person, Role, pattern, require, require_own, role_of

ANN, BOB = Person("ann@example.com", Role.TRAINER), Person("bob@example.com", Role.VIEWER)
EVE = Person("eve@example.com", Role.ADMIN)


def test_where_nobody_signs_in_whoever_asks_may_do_everything():
    require_own(WHOEVER, "ann@example.com", "stop quick-7")


@pytest.mark.parametrize("role", Role)
def test_each_role_may_do_what_those_before_it_may(role):
    order = list(Role)
    may = [needed for needed in Role if role.may(needed)]
    assert may == order[: order.index(role) + 1]


def test_a_viewer_is_told_which_role_it_takes():
    with pytest.raises(AccessError, match=r"^bob@example.com is a viewer and may not train a run, "
                       r"which takes a trainer; ask an admin for that role\.$"):  # fmt: skip
        require(BOB, Role.TRAINER, "train a run")


def test_a_trainer_may_stop_their_own_and_nobody_else_s():
    require_own(ANN, ANN.name, "stop quick-7")
    for owner in ("eve@example.com", "", "ANN@example.com.evil"):
        with pytest.raises(AccessError, match="may not stop quick-7"):
            require_own(ANN, owner, "stop quick-7")
    require_own(EVE, ANN.name, "stop quick-7")


def test_a_viewer_may_not_even_what_bears_their_name():
    with pytest.raises(AccessError):
        require_own(BOB, BOB.name, "stop quick-7")


@pytest.mark.parametrize(
    ("text", "claims", "fits"),
    [
        ("ann@example.com", {"email": "Ann@Example.com"}, True),
        ("ann@example.com", {"email": "ann@example.com.evil.org"}, False),
        ("ann@example.com", {"email": "annXexample.com"}, False),
        ("*@example.com", {"email": "ann@example.com"}, True),
        ("*@example.com", {"email": "ann@evil.org@example.com"}, False),
        ("*@example.com", {"email": "ann@sub.example.com"}, False),
        ("*@*.example.com", {"email": "ann@sub.example.com"}, True),
        ("*@example.com", {"email": ["x", 3, None]}, False),
        ("*@example.com", {}, False),
        ("kim@example.com", {"email": "\u212aim@example.com"}, False),  # the Kelvin sign
        ("ops@example.com", {"email": "op\u017f@example.com"}, False),  # the long s
        ("groups=vision", {"groups": ["ops", "vision"]}, True),
        ("groups=vision", {"groups": "vision"}, True),
        ("groups=vision", {"groups": {"vision": True}}, False),
        ("groups=vision", {"groups": ["vision-2"]}, False),
    ],
)
def test_a_pattern_fits_whole_values_only(text, claims, fits):
    assert pattern(text).fits(claims) is fits


@pytest.mark.parametrize("text", ["", "*", "*@*", "@", "ann", "a@b@c", "=x", "groups=", "groups=*",
                                  "groups= x", "ann @example.com", "3=x"])  # fmt: skip
def test_what_is_no_pattern_is_refused_in_words(text):
    with pytest.raises(ValueError, match=r"write it as|would fit everybody"):
        pattern(text)


def test_the_highest_role_counts_and_a_stranger_has_none():
    patterns = {
        Role.VIEWER: [pattern("*@example.com")],
        Role.ADMIN: [pattern("groups=ops")],
    }
    assert role_of({"email": "a@example.com"}, patterns) is Role.VIEWER
    assert role_of({"email": "a@example.com", "groups": ["ops"]}, patterns) is Role.ADMIN
    assert role_of({"email": "a@else.org"}, patterns) is None


def test_an_address_that_was_not_verified_is_nobody_s():
    patterns = {Role.ADMIN: [pattern("*@example.com")]}
    for said, role in [
        (False, None), ("false", None), ("False", None), (0, None), (None, None),
        (True, Role.ADMIN), ("true", Role.ADMIN),
    ]:  # fmt: skip
        assert role_of({"email": "a@example.com", "email_verified": said}, patterns) is role
