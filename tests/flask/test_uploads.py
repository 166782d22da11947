"""`examples/flask_app/uploads.py` against the documented table and statements, run by `sqlite3` itself, and from other processes;
and the example's README against its apps, where Flask is installed.

    python3 tests/flask/test_uploads.py
"""

import importlib
import importlib.util
import io
import json
import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLE = ROOT / "examples" / "flask_app"
sys.dont_write_bytecode = True
sys.path.insert(0, str(EXAMPLE))
import uploads as subject  # noqa: E402
from uploads import Retention, Status, Uploads  # noqa: E402

SQL = {path.stem: path.read_text() for path in (ROOT / "src" / "backend" / "sqlite").glob("*.sql")}
S = 1_000_000_000
SHORT = Retention(running_s=50, ready_s=10, failed_s=5, interrupted_s=7, tombstone_s=20)


def see(file, *words, now=None):
    """One operation in a process of its own."""
    command = [sys.executable, str(HERE / "sees.py"), str(file), *map(str, words)]
    for name, seconds in SHORT._asdict().items():
        command += ["--" + name.removesuffix("_s"), str(seconds)]
    if now is not None:
        command += ["--now", str(now)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if ran.returncode != 0:
        raise AssertionError(ran.stderr)
    return json.loads(ran.stdout)


def begin_at_once(file, start, told):
    start.wait()
    try:
        told.put(str(Uploads(file).begin("a")))
    except Exception as error:
        told.put(repr(error))


class OnAFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "uploads.sqlite3"

    def by_hand(self):
        """A connection that knows the committed statements and nothing of `uploads.py`."""
        connection = sqlite3.connect(self.file, isolation_level=None)
        self.addCleanup(connection.close)
        return connection

    def uploads(self, retention=SHORT):
        uploads = Uploads(self.file, retention)
        self.addCleanup(uploads.close)
        return uploads


class Format(OnAFile):
    def test_the_statements_are_the_committed_ones(self):
        self.assertEqual(len(SQL), 10)
        self.assertEqual({name: getattr(subject, name.upper()) for name in SQL}, SQL)

    def test_a_file_made_by_the_statements_is_read_and_written(self):
        other = self.by_hand()
        other.executescript(SQL["schema"])
        other.execute(SQL["begin"], {"key": "a", "now": 1 * S, "running": 50 * S, "tombstone": 20 * S})
        uploads = self.uploads()
        self.assertEqual(uploads.latest("a"), 1)
        self.assertEqual(uploads.read(1, 2 * S), Status("processing", "processing"))
        self.assertTrue(uploads.finish(1, "ready", "3 rows", now_ns=3 * S))
        row = other.execute(SQL["read"], {"id": 1, "now": 4 * S}).fetchone()
        self.assertEqual(row, ("ready", "ready", "3 rows"))

    def test_a_file_made_by_python_has_the_documented_table(self):
        self.uploads()
        objects = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
        plain = sqlite3.connect(":memory:")
        plain.executescript(SQL["schema"])
        self.assertEqual(self.by_hand().execute(objects).fetchall(), plain.execute(objects).fetchall())
        plain.close()
        self.assertEqual(self.by_hand().execute("PRAGMA user_version").fetchone(), (1,))
        self.assertEqual(self.by_hand().execute("PRAGMA journal_mode").fetchone(), ("wal",))

    def test_a_file_of_a_later_version_is_left_alone(self):
        self.by_hand().execute("PRAGMA user_version = 2")
        with self.assertRaisesRegex(RuntimeError, "has version 2; this program knows 1"):
            Uploads(self.file)

    def refuses(self, script, says):
        """A file that this script makes is refused, in these words, and left as it is."""
        by_hand = sqlite3.connect(self.file, isolation_level=None)
        by_hand.executescript(script)
        by_hand.close()
        bytes_before = self.file.read_bytes()
        with self.assertRaisesRegex(RuntimeError, says):
            Uploads(self.file)
        self.assertEqual(self.file.read_bytes(), bytes_before)
        self.assertEqual([path.name for path in self.file.parent.iterdir()], [self.file.name])

    def test_files_of_others_are_refused_and_left_as_they_are(self):
        foreign = "is a database without stillready's table `uploads`"
        columns = ", ".join(subject.COLUMNS)
        for script, says in [
            ("CREATE TABLE notes (text)", foreign),
            ("CREATE TABLE notes (text); PRAGMA user_version = 1", foreign),
            ("CREATE TABLE uploads (id, name); PRAGMA user_version = 1", foreign),
            (f"CREATE TABLE uploads ({columns}, more); PRAGMA user_version = 1", foreign),
            (f"CREATE TABLE uploads ({columns})", foreign),
            ("PRAGMA user_version = 1", foreign),
            ("PRAGMA user_version = -1", foreign),
            (f"CREATE TABLE uploads ({columns}); PRAGMA user_version = 2", "has version 2; this program knows 1"),
        ]:
            with self.subTest(script):
                self.file.unlink(missing_ok=True)
                self.refuses(script, says)

    def test_a_table_whose_maker_died_before_the_write_ahead_log_gets_one(self):
        self.by_hand().executescript(SQL["schema"])
        self.assertEqual(self.by_hand().execute("PRAGMA journal_mode").fetchone(), ("delete",))
        self.uploads()
        self.assertEqual(self.by_hand().execute("PRAGMA journal_mode").fetchone(), ("wal",))

    def test_a_place_without_a_write_ahead_log_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, ":memory: has no write-ahead log.* journal_mode is memory"):
            Uploads(":memory:")

    def test_a_file_in_use_is_opened_while_another_writes(self):
        uploads, other = self.uploads(), self.by_hand()
        other.execute("BEGIN IMMEDIATE")
        other.execute(SQL["begin"], {"key": "a", "now": 1, "running": None, "tombstone": None})
        Uploads(self.file, busy_s=0).close()
        other.execute("COMMIT")
        self.assertEqual(uploads.latest("a"), 1)

    def test_eight_processes_make_one_file_at_once(self):
        fork = multiprocessing.get_context("fork")
        for round in range(20):
            file = self.file.with_name(f"{round}.sqlite3")
            start, told = fork.Barrier(8), fork.SimpleQueue()
            processes = [fork.Process(target=begin_at_once, args=(file, start, told)) for _ in range(8)]
            for process in processes:
                process.start()
            self.assertEqual(sorted(told.get() for _ in processes), [str(id) for id in range(1, 9)])
            for process in processes:
                process.join()


class Meaning(OnAFile):
    def test_an_upload_ends_once(self):
        uploads = self.uploads()
        upload = uploads.begin("a")
        self.assertTrue(uploads.finish(upload, "failed", "no"))
        self.assertFalse(uploads.finish(upload, "ready", "yes"))
        self.assertEqual(uploads.read(upload), Status("failed", "failed", "no"))

    def test_a_name_means_its_latest_upload_and_an_id_its_own(self):
        uploads = self.uploads()
        first, second = uploads.begin("a"), uploads.begin("a")
        uploads.finish(first, "ready", "old")
        self.assertEqual(uploads.read_key("a").status, "processing")
        self.assertEqual(uploads.read(first).detail, "old")
        self.assertEqual(uploads.latest("a"), second)

    def test_what_was_and_what_never_was_are_told_apart_whenever_a_sweep_runs(self):
        for sweeps in [False, True]:
            uploads = self.uploads()
            upload = uploads.begin("a", 0)
            uploads.finish(upload, "ready", "x", now_ns=1 * S)
            said = []
            for now_ns in [11 * S - 1, 11 * S, 31 * S - 1, 31 * S]:
                if sweeps:
                    uploads.sweep(100, now_ns)
                said.append(uploads.read(upload, now_ns))
            ready, expired = Status("ready", "ready", "x"), Status("expired", "ready", "x")
            self.assertEqual(said, [ready, expired, expired, Status("unknown")])
            self.assertEqual(uploads.sweep(100, 31 * S), [] if sweeps else [("a", "ready", 0, 11 * S)])

    def test_an_upload_whose_worker_died_does_not_run_for_ever(self):
        uploads = self.uploads()
        upload = uploads.begin("a", 0)
        self.assertEqual(uploads.read(upload, 50 * S), Status("expired", "processing"))
        self.assertFalse(uploads.finish(upload, "ready", now_ns=50 * S), "an end that comes too late is not taken")

    def test_an_id_that_was_never_given_out_is_unknown(self):
        for upload in [0, -1, 7, 2**63, -(2**63), 10**30]:
            self.assertEqual(self.uploads().read(upload), Status("unknown"))

    def test_ever_is_for_ever(self):
        uploads = self.uploads(Retention(None, None, None, None, None))
        upload = uploads.begin("a", 0)
        uploads.finish(upload, "ready", now_ns=1)
        self.assertEqual(uploads.read(upload, 2**62).status, "ready")
        self.assertEqual(uploads.sweep(100, 2**62), [])

    def test_a_time_to_live_of_73_years_is_for_ever(self):
        forever_s = (2**61 - 1) / S
        for live_s in [forever_s, 6e9, 1e10, float("inf")]:
            with self.subTest(live_s):
                uploads = self.uploads(Retention(live_s, live_s, live_s, live_s, live_s))
                upload = uploads.begin("a")
                self.assertTrue(uploads.finish(upload, "ready", "x"))
                uploads.acknowledge(upload, renew=True)
                row = "SELECT deadline_ns, forget_ns FROM uploads WHERE id = ?"
                self.assertEqual(self.by_hand().execute(row, [upload]).fetchone(), (None, None))
        uploads = self.uploads(Retention(2e9, 2e9, 2e9, 2e9, 2e9))
        upload = uploads.begin("a", 2 * S)
        self.assertTrue(uploads.finish(upload, "ready", "x", now_ns=3 * S))
        self.assertEqual(uploads.read(upload, (3 + 2 * 10**9) * S).status, "expired", "63 years are not for ever")
        self.assertEqual(uploads.read(upload, (3 + 4 * 10**9) * S).status, "unknown")

    def test_a_time_to_live_that_is_none_is_refused_at_once(self):
        for live_s in [-1, float("nan")]:
            with self.assertRaisesRegex(ValueError, "ready_s is .*; it must be 0 or more, or None for ever"):
                Uploads(self.file, Retention(ready_s=live_s))

    def test_an_end_without_a_detail_reads_as_an_empty_text(self):
        uploads = self.uploads()
        uploads.finish(uploads.begin("a"), "ready")
        self.assertEqual(uploads.read_key("a"), Status("ready", "ready", ""))

    def between(self, uploads, statement, act):
        """Does something when `uploads` has come to this statement, once."""
        done = []

        def traced(sql):
            if statement in sql and not done:
                done.append(act())

        uploads._connection().set_trace_callback(traced)
        return done

    def test_a_name_is_never_told_the_end_of_an_upload_that_it_did_not_name_then(self):
        here, there = self.uploads(), self.uploads()
        here.begin("a")

        def another():
            there.begin("a")
            return there.finish(1, "ready", "late")

        done = self.between(here, "FROM uploads WHERE id =", another)
        self.assertEqual(here.read_key("a").status, "processing")
        self.assertEqual(done, [True])
        self.assertEqual(here.read(1).status, "ready")

    def test_an_acknowledgement_and_its_renewal_are_seen_together(self):
        here, other = self.uploads(), self.by_hand()
        upload = here.begin("a", 0)
        here.finish(upload, "ready", "x", now_ns=1 * S)
        row = f"SELECT acknowledged_ns, deadline_ns FROM uploads WHERE id = {upload}"
        done = self.between(here, "SET deadline_ns =", lambda: other.execute(row).fetchone())
        self.assertTrue(here.acknowledge(upload, 2 * S, renew=True))
        self.assertEqual(done, [(None, 11 * S)])
        self.assertEqual(other.execute(row).fetchone(), (2 * S, 12 * S))
        self.assertFalse(here.acknowledge(upload, 3 * S, renew=True))
        self.assertEqual(other.execute(row).fetchone(), (2 * S, 12 * S), "one that is no news renews nothing")

    def test_a_read_that_renews_is_one_transaction_and_renews_ends_only(self):
        here, there = self.uploads(), self.uploads()
        upload = here.begin("a", 0)
        self.assertEqual(here.read(upload, 1 * S, renew=True).status, "processing")
        here.finish(upload, "ready", "x", now_ns=1 * S)
        # Nobody writes between the two: who would is told to wait, and this one does not want to.
        impatient = sqlite3.connect(self.file, timeout=0, isolation_level=None)
        self.addCleanup(impatient.close)

        def write():
            with self.assertRaisesRegex(sqlite3.OperationalError, "locked"):
                impatient.execute("DELETE FROM uploads")
            return "locked"

        done = self.between(here, "SET deadline_ns =", write)
        self.assertEqual(here.read_key("a", 10 * S, renew=True).status, "ready")
        self.assertEqual(done, ["locked"])
        self.assertEqual(there.read(upload, 20 * S - 1, renew=True).status, "ready")
        self.assertEqual(there.read(upload, 30 * S - 2).status, "ready")
        self.assertEqual(there.read(upload, 30 * S - 1).status, "expired")

    def test_threads_have_connections_of_their_own(self):
        uploads = self.uploads()

        def life(number):
            for _ in range(20):
                upload = uploads.begin("shared name")
                assert uploads.finish(upload, "ready", str(upload))
                assert uploads.read(upload) == Status("ready", "ready", str(upload))
            uploads.close()
            return True

        with ThreadPoolExecutor(4) as threads:
            self.assertTrue(all(threads.map(life, range(4))))
        self.assertEqual(self.by_hand().execute("SELECT count(*), sum(latest) FROM uploads").fetchone(), (80, 1))

    def test_a_begin_waits_for_another_writer(self):
        uploads, other = self.uploads(), self.by_hand()
        other.execute("BEGIN IMMEDIATE")
        waits = threading.Thread(target=lambda: (uploads.begin("a"), uploads.close()))
        waits.start()
        waits.join(0.2)
        self.assertTrue(waits.is_alive())
        other.execute("COMMIT")
        waits.join(10)
        self.assertEqual(uploads.latest("a"), 1)


class FromOtherProcesses(OnAFile):
    def test_each_process_sees_what_the_others_did(self):
        here = self.uploads()
        there = see(self.file, "begin", "a", now=0)["id"]
        self.assertEqual(here.read(there, 1 * S).status, "processing")
        self.assertTrue(here.finish(there, "ready", "3 rows", now_ns=1 * S))
        ready = {"status": "ready", "state": "ready", "detail": "3 rows"}
        self.assertEqual(see(self.file, "read", there, now=2 * S), ready)
        self.assertEqual(see(self.file, "read-key", "a", now=2 * S), ready)
        self.assertEqual(see(self.file, "finish", there, "failed", "late", now=2 * S), {"taken": False})
        self.assertEqual(see(self.file, "acknowledge", there, now=2 * S), {"taken": True})
        self.assertFalse(here.acknowledge(there, 2 * S))
        self.assertEqual(see(self.file, "read", there, "--renew", now=9 * S), ready)
        self.assertEqual(here.read(there, 19 * S - 1).status, "ready")
        self.assertEqual(see(self.file, "read", there, now=19 * S)["status"], "expired")
        self.assertEqual(see(self.file, "sweep", 10, now=39 * S), {"swept": [["a", "ready", 0, 19 * S]]})
        self.assertEqual(see(self.file, "latest", "a"), {"id": None})
        again = here.begin("a")
        self.assertGreater(again, there, "an id is never given out twice")
        self.assertEqual(see(self.file, "clear", again), {"taken": True})
        self.assertEqual(here.read(again), Status("unknown"))


@unittest.skipUnless(importlib.util.find_spec("flask"), "needs Flask")
class Readme(unittest.TestCase):
    """What `examples/flask_app/README.md` names is there. Its commands are not run: they would install and listen."""

    @classmethod
    def setUpClass(cls):
        cls.text = (EXAMPLE / "README.md").read_text()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        before = os.environ.get("UPLOADS_DB")
        os.environ["UPLOADS_DB"] = str(Path(folder.name) / "uploads.sqlite3")
        names = set(re.findall(r"\b(\w+):app\b", cls.text))
        cls.apps = {name: importlib.import_module(name).app for name in sorted(names)}
        os.environ.pop("UPLOADS_DB")
        if before is not None:
            os.environ["UPLOADS_DB"] = before

    def test_its_apps_are_the_two_and_its_files_exist(self):
        self.assertEqual(list(self.apps), ["after", "before"])
        files = set(re.findall(r"\b[a-z]+\.(?:py|txt)\b", self.text))
        self.assertEqual(files, {path.name for path in EXAMPLE.iterdir() if path.suffix in (".py", ".txt")} - {"work.py"})

    def test_the_requests_of_its_console_are_answered_as_it_says(self):
        upload = re.search(r"^\$ curl -F file=@(\S+) http://127\.0\.0\.1:8000(\S+)\n(\{.*\})$", self.text, re.MULTILINE)
        poll = re.search(r"curl -si 'http://127\.0\.0\.1:8000([^']+)' \| grep -e (\S+) -e (\S+);", self.text)
        by_id = re.search(r"poll `(\?id=1)`", self.text)
        for name, app in self.apps.items():
            with self.subTest(name):
                client = app.test_client()
                form = {"file": (io.BytesIO(b"a line\n"), upload[1]), "seconds": "0"}
                answer = client.post(upload[2], data=form)
                self.assertEqual(answer.status_code, 200)
                # `after` adds an id, the first of its file.
                more = {"id": 1} if name == "after" else {}
                self.assertEqual(answer.json, {**json.loads(upload[3]), **more})
                paths = [poll[1]] + ([poll[1].partition("?")[0] + by_id[1]] if name == "after" else [])
                for path in paths:
                    give_up = time.monotonic() + 30
                    while (answer := client.get(path)).json["status"] == "processing" and time.monotonic() < give_up:
                        time.sleep(0.01)
                    self.assertEqual((answer.status_code, answer.json[poll[3]]), (200, "ready"))
                    self.assertIn(poll[2], answer.headers)

    def test_its_settings_are_those_of_the_apps_with_their_defaults(self):
        rows = re.findall(r"^\| (`UPLOADS_.*?) \| .* \| (.*?) \|$", self.text, re.MULTILINE)
        said = {}
        for names, defaults in rows:
            names, defaults = re.findall(r"`(\w+)`", names), defaults.strip("`").split(", ")
            self.assertEqual(len(names), len(defaults), names)
            said.update(zip(names, defaults))
        read = {}
        for source in ["before.py", "after.py", "work.py"]:
            for name, default in re.findall(r'"(UPLOADS_\w+)", ("[^"]+"|[\d.]+)\)?', (EXAMPLE / source).read_text()):
                read[name] = default.strip('"')

        def plain(settings):
            return {name: float(value) if value[0].isdigit() else value for name, value in settings.items()}

        self.assertEqual(plain(said), plain(read))
        self.assertGreaterEqual(len(said), 8)
        # What the text sets beyond the table is one of them.
        self.assertLessEqual(set(re.findall(r"\bUPLOADS_\w+", self.text)), set(said))


if __name__ == "__main__":
    unittest.main()
