"""``python -m commlb`` is the command ``commlb``."""

from commlb_cli import main

main()
