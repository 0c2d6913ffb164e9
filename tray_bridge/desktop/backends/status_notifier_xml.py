"""The introspection data of our two D-Bus objects, for desktops and tools."""

from __future__ import annotations


def _interface(name: str, properties: str, methods: str, signals: str) -> str:
    """Build the XML from lines of `Name in,in > out,out` (methods), `Name type` (properties), `Name type,…`
    (signals).
    """
    parts = []
    for line in properties.split("\n"):
        member, kind = line.split()
        parts.append(f'<property name="{member}" type="{kind}" access="read"/>')
    for line in methods.split("\n"):
        head, _, out = line.partition(">")
        member, *into = head.replace(",", " ").split()
        arguments = [f'<arg type="{each}" direction="in"/>' for each in into]
        arguments += [f'<arg type="{each}" direction="out"/>' for each in out.replace(",", " ").split()]
        parts.append(f'<method name="{member}">{"".join(arguments)}</method>')
    for line in signals.split("\n"):
        member, *types = line.replace(",", " ").split()
        arguments = [f'<arg type="{each}"/>' for each in types]
        parts.append(f'<signal name="{member}">{"".join(arguments)}</signal>')
    return f'<node><interface name="{name}">{"".join(parts)}</interface></node>'


ITEM_XML = _interface(
    "org.kde.StatusNotifierItem",
    """Category s
Id s
Title s
Status s
WindowId i
IconName s
IconThemePath s
IconPixmap a(iiay)
OverlayIconName s
OverlayIconPixmap a(iiay)
AttentionIconName s
AttentionIconPixmap a(iiay)
ToolTip (sa(iiay)ss)
Menu o
ItemIsMenu b""",
    """Activate i,i
SecondaryActivate i,i
ContextMenu i,i
Scroll i,s""",
    """NewIcon
NewTitle
NewToolTip
NewStatus s""",
)

MENU_XML = _interface(
    "com.canonical.dbusmenu",
    """Version u
Status s
TextDirection s
IconThemePath as""",
    """GetLayout i,i,as > u,(ia{sv}av)
GetGroupProperties ai,as > a(ia{sv})
GetProperty i,s > v
Event i,s,v,u
EventGroup a(isvu) > ai
AboutToShow i > b
AboutToShowGroup ai > ai,ai""",
    """ItemsPropertiesUpdated a(ia{sv}),a(ias)
LayoutUpdated u,i""",
)
