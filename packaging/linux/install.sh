#!/bin/sh
# Installs Tray Bridge for the user who runs it; needs no root. With --autostart it also starts at each login.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
data=${XDG_DATA_HOME:-$HOME/.local/share}
folder=$HOME/.local/lib/tray-bridge
program=$folder/tray-bridge
link=$HOME/.local/bin/tray-bridge
entry=$data/applications/tray-bridge.desktop

for process in /proc/[0-9]*; do
  case $(readlink "$process/exe" 2>/dev/null || :) in
    "$folder"/*) echo "Tray Bridge is running: choose Quit in its menu, then run this again." >&2; exit 1 ;;
  esac
done

mkdir -p "$HOME/.local/lib" "$HOME/.local/bin" "$data/applications" "$data/icons/hicolor"
rm -rf "$folder.new"
cp -R "$here/tray-bridge" "$folder.new"
cp "$here/uninstall.sh" "$here/LICENSE.txt" "$here/THIRD-PARTY-LICENCES.txt" "$folder.new/"
rm -rf "$folder"
mv "$folder.new" "$folder"
cp -R "$here/icons/." "$data/icons/hicolor/"

# The Exec key's own quoting, then sed's.
quoted=$(printf '%s' "$program" | sed 's/[\\"`$]/\\\\&/g; s/%/%%/g' | sed 's/[\\&|]/\\&/g')
sed "s|@PROGRAM@|\"$quoted\"|" "$here/tray-bridge.desktop" >"$entry"

if [ -e "$link" ] && [ "$(readlink "$link" || :)" != "$program" ]; then
  echo "$link belongs to another installation and stays as it is."
else
  ln -sfn "$program" "$link"
fi

if [ "${1:-}" = --autostart ]; then
  "$program" autostart on
fi

# Where a list of icons is kept, it must name the new ones.
cache=$data/icons/hicolor/icon-theme.cache
if [ -e "$cache" ] && command -v gtk-update-icon-cache >/dev/null; then gtk-update-icon-cache -qtf "${cache%/*}" || :; fi

echo "Tray Bridge is installed. Start it from the applications menu, or with $program"
echo "To remove it: $folder/uninstall.sh"
