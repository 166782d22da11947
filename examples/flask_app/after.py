"""The endpoint as it should be: the status lies in a file that all workers share, and each upload has an id of its own.

What keeps it right, whichever worker answers: `uploads.py` (one table, one statement for each thing that can happen).
"""

import atexit
import os
import random
import threading

from flask import Flask, jsonify, request

from uploads import Retention, Uploads
from work import FAILED_TTL_S, READY_TTL_S, SWEEP_CHANCE, number, received, work

app = Flask(__name__)

uploads = Uploads(
    os.environ.get("UPLOADS_DB", "uploads.sqlite3"),
    Retention(
        # A worker that is killed takes its threads along: its uploads do not run for ever. Must be longer than the longest work.
        running_s=number("UPLOADS_RUNNING_TTL_S", 3600),
        ready_s=READY_TTL_S,
        failed_s=FAILED_TTL_S,
        interrupted_s=FAILED_TTL_S,
        # For so long after its time an upload is answered `expired`, and not as if it had never been.
        tombstone_s=number("UPLOADS_TOMBSTONE_S", 86400),
    ),
)

# What a client is told for each status of the table.
ANSWERS = {"failed": "error", "unknown": "not_found"}

# The uploads whose work runs in this worker.
running = set()


def process(upload, data, seconds):
    try:
        detail = work(data, seconds)
    except Exception as error:
        uploads.finish(upload, "failed", str(error))
    else:
        # The result and `ready` become visible together. Had the upload expired meanwhile, this would change nothing.
        uploads.finish(upload, "ready", detail)
    finally:
        running.discard(upload)
        uploads.close()


@atexit.register
def interrupt_what_runs():
    """A worker that stops in good order says what becomes of its uploads: their threads end with it."""
    for upload in list(running):
        uploads.finish(upload, "interrupted")


@app.post("/api/upload")
def upload():
    try:
        filename, data, seconds = received(request)
    except ValueError as error:
        return jsonify(error=str(error)), 400
    upload = uploads.begin(filename)
    running.add(upload)
    threading.Thread(target=process, args=(upload, data, seconds), daemon=True).start()
    return jsonify(id=upload, filename=filename, status="processing")


@app.get("/api/upload-status")
def upload_status():
    """By `?id=`, which means one upload; or by `?filename=`, which means the latest one of that name."""
    upload, filename = request.args.get("id", type=int), request.args.get("filename")
    if upload is None and not filename:
        return jsonify(error="which upload? ?id= (a number) or ?filename="), 400
    answer = uploads.read(upload) if upload is not None else uploads.read_key(filename)
    if random.random() < SWEEP_CHANCE:
        # Gives back room, and no more than that: no answer depends on when it runs.
        uploads.sweep(100)
    was = answer.state if answer.status == "expired" else None
    return jsonify(status=ANSWERS.get(answer.status, answer.status), was=was, message=answer.detail)


@app.after_request
def name_the_worker(response):
    """For whoever wants to see which worker answered."""
    response.headers["X-Worker"] = str(os.getpid())
    return response
