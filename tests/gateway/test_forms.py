"""Query strings and urlencoded bodies become what Express makes of them."""

import pytest

from fusebit_platform.gateway import forms
from fusebit_platform.gateway.refusals import Refusal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1&b=%20+c&d", {"a": "1", "b": "  c", "d": ""}),
        ("a=1&a=2&a", {"a": ["1", "2", ""]}),
        ("&&=1&[]&__proto__=1&a[__proto__]=2", {"0": ""}),
        ("a[b][c]=1&a[d]=2", {"a": {"b": {"c": "1"}, "d": "2"}}),
        ("a[]=1&a[]=2&a=3", {"a": ["1", "2", "3"]}),
        ("a=3&a[]=1", {"a": ["3", "1"]}),
        ("a[1]=b&a[0]=a", {"a": ["a", "b"]}),
        ("a[9]=b&a[2]=a", {"a": ["a", "b"]}),
        ("a[20]=x&b[21]=y", {"a": ["x"], "b": {"21": "y"}}),
        ("a[0]=x&a[b]=y", {"a": {"0": "x", "b": "y"}}),
        ("a[b]=1&a=2", {"a": {"b": "1", "2": True}}),
        ("a=2&a[b]=1", {"a": ["2", {"b": "1"}]}),
        ("a[b]=1&a=", {"a": {"b": "1"}}),
        ("a[][b]=1&a[][c]=2", {"a": [{"b": "1", "c": "2"}]}),
        ("a[0][b]=1&a[1][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a[0]=1&a[0][1]=2", {"a": ["1", ["2"]]}),
        ("a[b]c[d]=1&x[=2&y]=3&z[[k]]=4", {"a": {"b": {"d": "1"}}, "x[": "2", "y]": "3", "z[": {"k": "4"}}),
        ("a[b]==1&c=d=e&f[g=h]=i", {"a": {"b": "=1"}, "c": "d=e", "f": {"g=h": "i"}}),
        ("a[b][c][d][e][f][g][h]=1", {"a": {"b": {"c": {"d": {"e": {"f": {"[g][h]": "1"}}}}}}}),
        ("%5Bx%5D=1&a%5Bb%5D=2&a=%zz", {"x": "1", "a": {"b": "2", "%zz": True}}),
    ],
)
def test_names_with_brackets_become_lists_and_objects(text, expected):
    assert forms.parse_query(text) == expected


def test_a_body_may_nest_deeper_and_has_longer_lists_than_a_query():
    assert forms.parse_body("a[100]=x&b[101]=y") == {"a": ["x"], "b": {"101": "y"}}
    nested = forms.parse_body(f"a{'[b]' * 32}=1")
    for key in ["a", *["b"] * 32]:
        nested = nested[key]
    assert nested == "1"


def test_too_many_parameters_are_left_out_of_a_query_and_refused_in_a_body():
    many = "&".join(f"a{number}=1" for number in range(1001))
    assert len(forms.parse_query(many)) == 1000
    with pytest.raises(Refusal) as refused:
        forms.parse_body(many)
    assert (refused.value.status, refused.value.message) == (413, "too many parameters")
