"""The icon on each desktop: one module for each protocol, each with a subclass of pystray's `Icon`.

The menu comes as pystray's `Menu` and `MenuItem`. A backend must not know the server, or what the menu says. Every
class has `on_ui_thread(call)`, which must be used for all changes to the icon.
"""
