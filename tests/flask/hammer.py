"""Makes many uploads in a file that other processes write at the same time, and says as JSON which of its ends were taken.

    hammer.py FILE NAME UPLOADS AT_LEAST_S AT_MOST_S

Prints `ready`, waits for a line on its standard input, opens the file, and makes so many uploads, and more until so many seconds are
over, but for so many at most: under four keys that all share; before it ends its own it tries to end the one before it, which may be
another's. Whoever was told that an end was taken must read it back. `tests/flask/hammer.rs` does the same in Rust.
"""

import itertools
import json
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "flask_app"))
from uploads import Retention, Uploads  # noqa: E402

KEYS = 4


def main():
    file, name = sys.argv[1:3]
    enough, at_least_s, at_most_s = map(float, sys.argv[3:])
    print("ready", flush=True)
    sys.stdin.readline()
    uploads = Uploads(file, Retention(None, 3600, 3600, 3600, 3600))
    begun, taken, since = [], [], time.monotonic()

    def end(upload, number):
        state, detail = ("failed" if number % 3 == 0 else "ready"), f"{name}, its {number}: é"
        if uploads.finish(upload, state, detail):
            taken.append([upload, state, detail])
            answer = uploads.read(upload)
            assert (answer.status, answer.detail) == (state, detail), (upload, answer)

    for number in itertools.count():
        elapsed_s = time.monotonic() - since
        if (number >= enough and elapsed_s > at_least_s) or elapsed_s > at_most_s:
            break
        key = f"key {number % KEYS}"
        upload = uploads.begin(key)
        begun.append(upload)
        assert uploads.latest(key) >= upload, "a key names no earlier upload again"
        end(upload - 1, number)
        end(upload, number)
        assert uploads.read(upload).status in ("ready", "failed"), "somebody has ended it"
        assert uploads.read_key(key).status in ("processing", "ready", "failed")
        time.sleep(0.001)  # lets the others get in between
    print(json.dumps({"begun": begun, "taken": taken}))


if __name__ == "__main__":
    main()
