"""A pystray menu as com.canonical.dbusmenu sees it: numbered nodes, and what changed since the last time. Pure.

A node keeps its number while its item keeps its `key`, so that a desktop which shows the menu can change a line in
place. Numbers are never used again: a click on a removed line does nothing. The protocol:
https://github.com/AyatanaIndicators/libdbusmenu, `libdbusmenu-glib/dbus-menu.xml`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from pystray import Menu

Variant: TypeAlias = tuple[str, Any]
Properties: TypeAlias = dict[str, Variant]
Layout: TypeAlias = tuple[int, Properties, list[Any]]

ROOT = 0


@dataclass(slots=True)
class Node:
    """One line; `item` is pystray's (None for the root)."""

    id: int
    key: str
    item: Any
    properties: Properties
    children: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Changes:
    """What has changed for the desktop. `layouts` are the nodes whose children were added, removed or moved."""

    properties: list[tuple[int, Properties]] = field(default_factory=list)
    layouts: list[int] = field(default_factory=list)


class MenuModel:
    """The nodes by number. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self.revision = 1
        self._last_id = ROOT
        self._root = Node(ROOT, "", None, {"children-display": ("s", "submenu")})
        self._nodes = {ROOT: self._root}

    def update(self, menu: Any) -> Changes:
        """Take the menu's items as they are now; return what differs."""
        changes = Changes()
        self._update_children(self._root, menu, changes)
        if changes.layouts:
            self.revision += 1
            self._nodes = {node.id: node for node in self._walk(self._root)}
        return changes

    def item(self, number: int) -> Any | None:
        """Return the item that a click on node `number` chooses, if it can be chosen."""
        node = self._nodes.get(number)
        if node is None or node.item is None or node.item is Menu.SEPARATOR or node.item.submenu is not None:
            return None
        return node.item if node.item.enabled and node.item.visible else None

    def layout(self, number: int, depth: int) -> Layout:
        """Return node `number` and what is below it, `depth` levels down (-1: all); raises KeyError."""
        return self._layout(self._nodes[number], depth)

    def properties(self, number: int) -> Properties:
        """Return the properties of a node; raises KeyError."""
        return self._nodes[number].properties

    def group(self, numbers: list[int]) -> list[tuple[int, Properties]]:
        """Return the properties of several nodes, or of all when none is named; unknown ones are left out."""
        return [(each, self._nodes[each].properties) for each in numbers or self._nodes if each in self._nodes]

    def _update_children(self, parent: Node, menu: Any, changes: Changes) -> None:
        before = {child.key: child for child in parent.children}
        children = []
        for key, item in _with_keys(menu):
            properties = item_properties(item)
            node = before.get(key)
            if node is None or node.properties.keys() != properties.keys():
                self._last_id += 1
                node = Node(self._last_id, key, item, properties)
                self._update_children(node, item.submenu, Changes())  # the parent's new layout tells it all
            else:
                changed = {name: value for name, value in properties.items() if node.properties[name] != value}
                if changed:
                    changes.properties.append((node.id, changed))
                node.item, node.properties = item, properties
                self._update_children(node, item.submenu, changes)
            children.append(node)
        if [node.id for node in children] != [node.id for node in parent.children]:
            parent.children = children
            changes.layouts.append(parent.id)

    def _layout(self, node: Node, depth: int) -> Layout:
        children = node.children if depth else []
        return (
            node.id,
            node.properties,
            [("(ia{sv}av)", self._layout(child, depth - 1)) for child in children],
        )

    def _walk(self, node: Node) -> Iterator[Node]:
        yield node
        for child in node.children:
            yield from self._walk(child)


def item_properties(item: Any) -> Properties:
    """Return a pystray item's properties, always the same ones for the same kind of line."""
    if item is Menu.SEPARATOR:
        return {"type": ("s", "separator")}
    properties: Properties = {
        "label": ("s", item.text.replace("_", "__")),  # a single one marks the key to press
        "enabled": ("b", bool(item.enabled)),
        "visible": ("b", bool(item.visible)),
    }
    if item.checked is not None:
        properties["toggle-type"] = ("s", "radio" if item.radio else "checkmark")
        properties["toggle-state"] = ("i", int(item.checked))
    if item.submenu is not None:
        properties["children-display"] = ("s", "submenu")
    return properties


def _with_keys(menu: Any) -> Iterator[tuple[str, Any]]:
    """Give each item with its identity: its `key`, else its place among those of its kind."""
    counts: Counter[str] = Counter()
    for item in menu.items if menu is not None else ():
        kind = "separator" if item is Menu.SEPARATOR else getattr(item, "key", "item")
        counts[kind] += 1
        yield f"{kind} {counts[kind]}", item
