"""Where two documents differ."""

from stillwatch.records.difference import Difference, differences


def test_equal_trees_do_not_differ() -> None:
    """Nested mappings and lists that are equal give nothing."""
    tree = {"a": [1, {"b": None}], "c": "x"}

    assert list(differences("doc", tree, {"a": [1, {"b": None}], "c": "x"})) == []


def test_each_leaf_is_told_with_its_place() -> None:
    """A changed leaf, a missing key and a list of another length are one difference each."""
    found = list(differences("doc", {"a": 1, "b": [1], "c": 2}, {"a": 3, "b": [1, 2]}))

    assert found == [Difference("doc: a", "1", "3"), Difference("doc: b", "[1]", "[1, 2]"), Difference("doc: c", "2", "None")]
