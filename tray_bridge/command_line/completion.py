"""`tray-bridge completion`: a script that lets a shell complete the commands and their flags.

It is made from the parser, so that it is always complete.
"""

from __future__ import annotations

import argparse

from .arguments import make_parser
from .terminal import write

SHELLS = ("bash", "zsh", "fish", "powershell")


def show_completion(shell: str) -> int:
    """Print the script for one shell."""
    words = _words(make_parser())
    write({"bash": _bash, "zsh": _zsh, "fish": _fish, "powershell": _powershell}[shell](words))
    return 0


def _words(parser: argparse.ArgumentParser) -> dict[str, list[str]]:
    """List what can follow each command; the empty one is `tray-bridge` itself."""
    found = {"": sorted(parser._option_string_actions)}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found[""] += sorted(action.choices)
            for name, sub in action.choices.items():
                choices = [str(c) for a in sub._actions if a.choices and not a.option_strings for c in a.choices]
                found[name] = sorted([*sub._option_string_actions, *choices])
    return found


def _bash(words: dict[str, list[str]]) -> str:
    cases = "".join(f"    {name}) words={' '.join(all_)!r} ;;\n" for name, all_ in words.items() if name)
    return f"""\
# Add this line to ~/.bashrc:  eval "$(tray-bridge completion bash)"
_tray_bridge() {{
  local words={" ".join(words[""])!r} word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$word" in
{cases}    esac
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")
}}
complete -o default -F _tray_bridge tray-bridge
"""


def _zsh(words: dict[str, list[str]]) -> str:
    cases = "".join(f"    {name}) found=({' '.join(all_)}) ;;\n" for name, all_ in words.items() if name)
    return f"""\
# Add this line to ~/.zshrc, after compinit:  eval "$(tray-bridge completion zsh)"
_tray_bridge() {{
  local -a found; found=({" ".join(words[""])})
  local word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$word" in
{cases}    esac
  done
  compadd -- "${{found[@]}}" || _files
}}
compdef _tray_bridge tray-bridge
"""


def _fish(words: dict[str, list[str]]) -> str:
    lines = ["# Save this as ~/.config/fish/completions/tray-bridge.fish"]
    names = [word for word in words[""] if not word.startswith("-")]
    lines += [f"complete -c tray-bridge -n __fish_use_subcommand -a {name}" for name in names]
    for name, all_ in words.items():
        condition = f"'__fish_seen_subcommand_from {name}'" if name else "__fish_use_subcommand"
        for word in all_:
            flag = f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" if word.startswith("-") else ""
            if flag or name:
                lines.append(f"complete -c tray-bridge -n {condition} {flag or f'-a {word}'}")
    return "\n".join(lines) + "\n"


def _powershell(words: dict[str, list[str]]) -> str:
    quoted = {name: ", ".join(f"'{word}'" for word in all_) for name, all_ in words.items()}
    table = "".join(f"    '{name}' = @({all_})\n" for name, all_ in quoted.items() if name)
    return f"""\
# Add this line to $PROFILE:  tray-bridge completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName tray-bridge -ScriptBlock {{
  param($word, $line, $at)
  $found = @({quoted[""]})
  $table = @{{
{table}  }}
  foreach ($part in $line.CommandElements) {{ if ($table.ContainsKey("$part")) {{ $found = $table["$part"] }} }}
  $found | Where-Object {{ $_ -like "$word*" }} |
    ForEach-Object {{ [System.Management.Automation.CompletionResult]::new($_) }}
}}
"""
