#!/bin/sh
# Removes Tray Bridge of the user who runs it, and leaves that user's settings and session logs.
set -eu

data=${XDG_DATA_HOME:-$HOME/.local/share}
config=${XDG_CONFIG_HOME:-$HOME/.config}
folder=$HOME/.local/lib/tray-bridge
link=$HOME/.local/bin/tray-bridge
entry=$data/applications/tray-bridge.desktop
autostart=$config/autostart/tray-bridge.desktop

for process in /proc/[0-9]*; do
  case $(readlink "$process/exe" 2>/dev/null || :) in
    "$folder"/*) echo "Tray Bridge is running: choose Quit in its menu, then run this again." >&2; exit 1 ;;
  esac
done

if [ -e "$autostart" ] && grep -qF "$folder" "$autostart"; then rm "$autostart"; fi
if [ "$(readlink "$link" || :)" = "$folder/tray-bridge" ]; then rm "$link"; fi
rm -f "$entry" "$data"/icons/hicolor/*/apps/tray-bridge.png
rm -rf "$folder" "${XDG_CACHE_HOME:-$HOME/.cache}/tray-bridge"
rm -rf "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/tray-bridge" "/tmp/runtime-$(id -u)/tray-bridge"

cache=$data/icons/hicolor/icon-theme.cache
if [ -e "$cache" ] && command -v gtk-update-icon-cache >/dev/null; then gtk-update-icon-cache -qtf "${cache%/*}" || :; fi

# Folders that the installation made and that nothing else uses.
for left in "$data"/icons/hicolor/*/apps "$data/applications" "$config/autostart" "$HOME/.local/lib" "$HOME/.local/bin"; do
  if [ -d "$left" ]; then rmdir -p "$left" 2>/dev/null || :; fi
done

echo "Tray Bridge is removed."
settings=$config/tray-bridge
logs=${XDG_STATE_HOME:-$HOME/.local/state}/tray-bridge
if [ -d "$settings" ]; then echo "Your settings stay in $settings"; fi
if [ -d "$logs" ]; then echo "Your session logs stay in $logs"; fi
