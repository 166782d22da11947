"""The endpoint as it was: a dictionary in the memory of each worker, and a cleanup on a random tenth of the polls.

Run it with two workers and a client is told `not_found` after `ready`: half of its polls reach the worker that never heard of its
upload. The cleanup has nothing to do with it.
"""

import os
import random
import threading
import time

from flask import Flask, jsonify, request

from work import FAILED_TTL_S, READY_TTL_S, SWEEP_CHANCE, received, work

app = Flask(__name__)

processing_status = {}
processing_timestamps = {}
processing_lock = threading.Lock()


def update_processing_status(filename, status):
    with processing_lock:
        processing_status[filename] = status
        processing_timestamps[filename] = time.time()


def cleanup_old_processing_status():
    """As the write-up has it. The deployed code compared an age with a Unix time besides, and removed nothing at all."""
    now = time.time()
    with processing_lock:
        for filename, status in list(processing_status.items()):
            age = now - processing_timestamps.get(filename, 0)
            if status == "processing":
                continue
            if status == "ready" and age < READY_TTL_S:
                continue
            if status != "ready" and age < FAILED_TTL_S:
                continue
            del processing_status[filename]
            processing_timestamps.pop(filename, None)


def process(filename, data, seconds):
    try:
        work(data, seconds)
    except Exception as error:
        update_processing_status(filename, f"error: {error}")
    else:
        update_processing_status(filename, "ready")


@app.post("/api/upload")
def upload():
    try:
        filename, data, seconds = received(request)
    except ValueError as error:
        return jsonify(error=str(error)), 400
    update_processing_status(filename, "processing")
    threading.Thread(target=process, args=(filename, data, seconds), daemon=True).start()
    return jsonify(filename=filename, status="processing")


@app.get("/api/upload-status")
def upload_status():
    filename = request.args.get("filename")
    if not filename:
        return jsonify(error="which upload? ?filename="), 400
    if random.random() < SWEEP_CHANCE:
        cleanup_old_processing_status()
    with processing_lock:
        status = processing_status.get(filename, "not_found")
    status, _, message = status.partition(": ")
    return jsonify(filename=filename, status=status, message=message or None)


@app.after_request
def name_the_worker(response):
    """For whoever wants to see which worker answered."""
    response.headers["X-Worker"] = str(os.getpid())
    return response
