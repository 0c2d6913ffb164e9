"""How each desktop shows an icon: one module for each way, all of them subclasses of pystray's `Icon`.

pystray's `Menu` and `MenuItem` are the one vocabulary. A backend knows nothing of the server or of what the
menu says. Every class has `on_ui_thread(call)`, through which all changes to the icon must go.
"""
