"""The menu as D-Bus sees it: changed texts are changed properties, and only new lines are a new layout."""

from __future__ import annotations

from typing import Any

from pystray import Menu

from tray_bridge.desktop.backends.dbus_menu import ROOT, MenuModel
from tray_bridge.desktop.menu import Item
from tray_bridge.desktop.view import pystray_items

CHOSEN: list[tuple[str, object]] = []


def menu(*items: Item) -> Any:
    return Menu(*pystray_items(items, lambda action, value: CHOSEN.append((action, value))))


def labels(model: MenuModel, node: int = ROOT) -> dict[str, int]:
    """The number of each child by its text."""
    return {child["label"][1]: number for _, (number, child, _) in model.layout(node, 1)[2] if "label" in child}


def test_a_changed_text_is_a_changed_property_of_the_same_line() -> None:
    model = MenuModel()
    model.update(menu(Item("1 served", key="figures"), Item("Quit", "quit")))
    number = labels(model)["1 served"]
    changes = model.update(menu(Item("2 served", key="figures"), Item("Quit", "quit")))
    assert changes.properties == [(number, {"label": ("s", "2 served")})]
    assert changes.layouts == []


def test_a_line_that_hides_or_greys_keeps_its_place() -> None:
    model = MenuModel()
    model.update(menu(Item("Sign in…", "sign_in"), Item("Off", "off", checked=True)))
    changes = model.update(
        menu(Item("Sign in…", "sign_in", visible=False), Item("Off", "off", checked=False, enabled=False))
    )
    assert [properties for _, properties in changes.properties] == [
        {"visible": ("b", False)},
        {"enabled": ("b", False), "toggle-state": ("i", 0)},
    ]
    assert changes.layouts == []


def test_nothing_new_is_nothing_to_tell() -> None:
    model = MenuModel()
    items = (Item("A", "a"), Item(key="gap"), Item("B", key="b", items=(Item("C", "c"),)))
    assert model.update(menu(*items)).layouts == [ROOT]
    changes = model.update(menu(*items))
    assert (changes.properties, changes.layouts) == ([], [])


def test_a_new_line_in_a_submenu_is_a_new_layout_of_that_submenu_alone() -> None:
    def requests(*names: str) -> Any:
        lines = tuple(Item(name, "cancel_request", name) for name in names)
        return menu(Item("Active requests", key="active", items=lines), Item("Quit", "quit"))

    model = MenuModel()
    model.update(requests("one", "two"))
    active = labels(model)["Active requests"]
    two = labels(model, active)["two"]
    revision = model.revision
    changes = model.update(requests("two", "three"))
    assert changes.layouts == [active]
    assert model.revision == revision + 1
    assert labels(model, active)["two"] == two


def test_a_click_on_a_line_that_has_gone_hits_nothing() -> None:
    CHOSEN.clear()
    model = MenuModel()
    model.update(menu(Item("one", "cancel_request", "one")))
    gone = labels(model)["one"]
    model.update(menu(Item("two", "cancel_request", "two")))
    assert model.item(gone) is None
    item = model.item(labels(model)["two"])
    assert item is not None
    item(None)
    assert CHOSEN == [("cancel_request", "two")]


def test_only_lines_that_can_be_chosen_take_clicks() -> None:
    model = MenuModel()
    model.update(
        menu(
            Item("told", enabled=False, key="told"),
            Item("hidden", "hidden", visible=False),
            Item(key="gap"),
            Item("more", key="more", items=(Item("inside", "inside"),)),
        )
    )
    numbers = [number for _, (number, _, _) in model.layout(ROOT, 1)[2]]
    assert [model.item(number) for number in numbers] == [None] * 4
    assert model.item(ROOT) is None


def test_an_underscore_is_no_key_to_press() -> None:
    model = MenuModel()
    model.update(menu(Item("my_client", "a")))
    assert "my__client" in labels(model)


def test_a_layout_goes_as_deep_as_it_is_asked_to() -> None:
    model = MenuModel()
    model.update(menu(Item("A", key="a", items=(Item("B", key="b", items=(Item("C", "c"),)),))))
    assert model.layout(ROOT, 0)[2] == []
    ((_, (_, _, below)),) = model.layout(ROOT, 1)[2]
    assert below == []
    ((_, (_, _, ((_, (_, _, deepest)),))),) = model.layout(ROOT, -1)[2]
    assert [child["label"][1] for _, (_, child, _) in deepest] == ["C"]
