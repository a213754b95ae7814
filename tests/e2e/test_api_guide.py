"""The commands of docs/api.md, run one after the other against a served kcardswap."""

import re
import subprocess

from tests.e2e.conftest import PROJECT, Served

GUIDE = PROJECT / "docs" / "api.md"


def test_the_commands_of_the_guide_do_what_it_says(served: Served) -> None:
    commands = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(commands) >= 5
    script = "\n".join(commands).replace("http://localhost:8000", served.url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"privacy_flags"' in done.stdout and '"trades": []' in done.stdout
    assert '"field": "trade_id"' in done.stdout
    first, again = re.findall(r'"media_id": "([^"]+)"', done.stdout)
    assert first == again and done.stdout.count("Idempotent-Replayed: true") == 1
