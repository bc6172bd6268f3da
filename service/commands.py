"""What a command is, and how a feature adds its own to the command line."""

import argparse
from collections.abc import Callable

Command = Callable[[argparse.Namespace], int | None]
"""Does what was asked; returns the exit status, None for 0."""
Add = Callable[[str, Command, str], argparse.ArgumentParser]
"""Adds a command by its name, what it runs, and what it is for."""
