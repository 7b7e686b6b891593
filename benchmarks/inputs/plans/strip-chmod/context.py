"""A program with debug information, from the compiler of this machine."""

import random
import subprocess
from pathlib import Path

import files


def write(context: Path) -> None:
    rng = random.Random("program")
    functions = [
        f"static int f{number}(int a) {{ struct {{ int v[{rng.randrange(2, 9)}]; }} s{number} = {{{{a}}}}; "
        f"return s{number}.v[0] * {rng.randrange(10**6)}; }}"
        for number in range(2500)
    ]
    calls = " ".join(f"r += f{number}(r);" for number in range(2500))
    source = context.parent / "prog.c"
    files.write(source, "\n".join([*functions, f"int main(void) {{ int r = 1; {calls} return r & 1; }}"]))
    subprocess.run(["gcc", "-g3", "-O0", "-o", str(context / "prog"), str(source)], check=True)
    (context / "prog").chmod(0o644)
    source.unlink()
