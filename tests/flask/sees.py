"""One operation on a file of uploads, from a process of its own; prints its answer as JSON. Another process, in Python or in Rust, may
do the next one.

    sees.py FILE begin KEY              {"id": 1}
    sees.py FILE finish ID STATE [DETAIL]  {"taken": true}; STATE is ready, failed or interrupted
    sees.py FILE read ID                {"status": "ready", "state": "ready", "detail": "…"}
    sees.py FILE read-key KEY           likewise, of the upload that the key names
    sees.py FILE latest KEY             {"id": 1}, or null
    sees.py FILE acknowledge ID         {"taken": true}
    sees.py FILE clear ID               {"taken": true}
    sees.py FILE sweep MOST             {"swept": [["key", "ready", 0, 5]]}

Options: `--now NS`, nanoseconds since 1970, and for each time to live its seconds, or `ever`: `--running`, `--ready`, `--failed`,
`--interrupted`, `--tombstone`. With `--renew`, reads and acknowledgements renew the age of what has ended.
"""

import argparse
import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "flask_app"))
from uploads import Retention, Uploads  # noqa: E402


def seconds(text):
    return None if text == "ever" else float(text)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("operation")
    parser.add_argument("operands", nargs="*")
    parser.add_argument("--now", type=int)
    parser.add_argument("--renew", action="store_true")
    for name, default in Retention()._asdict().items():
        parser.add_argument("--" + name.removesuffix("_s"), dest=name, type=seconds, default=default)
    options = parser.parse_args()
    options.retention = Retention(*(getattr(options, name) for name in Retention._fields))
    return options


def answer(uploads, operation, operands, now_ns, renew):
    match operation, operands:
        case "begin", [key]:
            return {"id": uploads.begin(key, now_ns)}
        case "finish", [upload, state, *detail] if len(detail) <= 1:
            return {"taken": uploads.finish(int(upload), state, *detail, now_ns=now_ns)}
        case "read", [upload]:
            return uploads.read(int(upload), now_ns, renew)._asdict()
        case "read-key", [key]:
            return uploads.read_key(key, now_ns, renew)._asdict()
        case "latest", [key]:
            return {"id": uploads.latest(key)}
        case "acknowledge", [upload]:
            return {"taken": uploads.acknowledge(int(upload), now_ns, renew)}
        case "clear", [upload]:
            return {"taken": uploads.clear(int(upload))}
        case "sweep", [most]:
            return {"swept": uploads.sweep(int(most), now_ns)}
    raise SystemExit(f"no such operation: {operation} {' '.join(operands)}\n{__doc__}")


def main():
    options = arguments()
    uploads = Uploads(options.file, options.retention)
    print(json.dumps(answer(uploads, options.operation, options.operands, options.now, options.renew)))


if __name__ == "__main__":
    main()
