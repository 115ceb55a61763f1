"""Print the two one-line commands of the README's section "Two commands", one a line.

They are the first lines of the first two ``sh`` blocks after that heading; anything else is an error, so
that the README and what CI runs cannot drift apart.
"""

import re
import sys
from pathlib import Path

text = Path(sys.argv[1]).read_text(encoding="utf-8")
section = text.split("## Two commands", 1)[1].split("\n## ", 1)[0]
blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
commands = [block.strip() for block in blocks]
if len(commands) != 2 or any("\n" in command for command in commands):
    sys.exit("README: the section 'Two commands' must hold exactly two sh blocks of one line each")
if not commands[0].endswith("commlb reduce istree --n 64"):
    sys.exit("README: the first command must end in 'commlb reduce istree --n 64'")
sys.stdout.write("\n".join(commands) + "\n")
