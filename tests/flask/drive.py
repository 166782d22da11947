"""Drives an endpoint of `examples/flask_app` with concurrent HTTP clients, and prints what they were told, as JSON.

Each upload has a client of its own, a thread that does what the incident's page does: it polls, and an interval after each answer it
polls again, until it is told an end; a `not_found` is borne while fewer than `--tolerate` polls were made before it. Each request is
a new TCP connection. Whoever is told `ready` polls some more, to see whether that lasts. Needs nothing but Python.
"""

import argparse
import http.client
import json
import math
import random
import statistics
import threading
import time
import urllib.parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--poll-by", choices=["filename", "id"], required=True)
    parser.add_argument("--uploads", type=int, default=400)
    parser.add_argument("--rate", type=float, default=20, help="uploads a second, a Poisson process")
    parser.add_argument("--median-s", type=float, default=1.5, help="of the work; lognormal, in strata")
    parser.add_argument("--sigma", type=float, default=0.5)
    parser.add_argument("--interval-s", type=float, default=0.15)
    parser.add_argument("--tolerate", type=int, default=15)
    parser.add_argument("--max-attempts", type=int, default=120)
    parser.add_argument("--after-ready", type=int, default=5, help="polls after `ready`")
    parser.add_argument("--seed", type=int, default=1, help="of arrivals and of work")
    parser.add_argument("--limit-s", type=float, default=120, help="the run is a failure if it takes longer")
    return parser.parse_args()


def fetch(port, method, path, body=None, headers=()):
    """One request over a connection of its own: the JSON of the answer, and which worker gave it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, {"Connection": "close", **dict(headers)})
        response = connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise http.client.HTTPException(f"{response.status}: {answer}")
        return answer, int(response.headers["X-Worker"])
    finally:
        connection.close()


def form(name, data, seconds):
    """A form with a file, as a browser sends it."""
    boundary = "----------stillready"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="seconds"\r\n\r\n{seconds!r}\r\n'.encode(),
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode(),
        data,
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


class Client(threading.Thread):
    """One upload, from its POST to the last poll."""

    def __init__(self, options, number, seconds):
        super().__init__(daemon=True)
        self.options, self.name, self.seconds = options, f"upload-{number}.txt", seconds
        self.ended, self.owner, self.fault, self.post_took_s = "unfinished", None, None, None
        # Of each poll: when it was sent, in seconds since the answer to the upload; how long its answer took; the answer; the worker.
        self.polls, self.after_ready = [], []

    def run(self):
        try:
            body, headers = form(self.name, b"a line\n", self.seconds)
            sent = time.monotonic()
            answer, self.owner = fetch(self.options.port, "POST", "/api/upload", body, headers)
            by = self.options.poll_by
            self.path = f"/api/upload-status?{by}={urllib.parse.quote(str(answer[by]))}"
            self.begun = time.monotonic()
            self.post_took_s = self.begun - sent
            self.ended = self.until_told()
            if self.ended == "ready":
                for _ in range(self.options.after_ready):
                    time.sleep(self.options.interval_s)
                    self.after_ready.append(self.poll())
        except (OSError, http.client.HTTPException) as error:
            self.ended, self.fault = "fault", f"{type(error).__name__}: {error}"

    def until_told(self):
        while True:
            self.polls.append(self.poll())
            status = self.polls[-1]["status"]
            if status == "not_found" and len(self.polls) > self.options.tolerate:
                return "lost"
            if status not in ("processing", "not_found"):
                return status
            if len(self.polls) >= self.options.max_attempts:
                return "timed_out"
            time.sleep(self.options.interval_s)

    def poll(self):
        sent = time.monotonic()
        answer, worker = fetch(self.options.port, "GET", self.path)
        took_s = time.monotonic() - sent
        return {"sent_s": sent - self.begun, "took_s": took_s, "status": answer["status"], "worker": worker}


def seconds_of_work(draws, options):
    """How long the work of each upload takes: one draw from each of as many equally likely parts of the distribution, in any order.

    Plain draws of one seed would leave every run of the test with the same offset, that of their sample from the distribution.
    """
    normal = statistics.NormalDist(0, options.sigma or 1e-12)
    parts = [(number + draws.random()) / options.uploads for number in range(options.uploads)]
    works = [options.median_s * math.exp(normal.inv_cdf(part)) for part in parts]
    draws.shuffle(works)
    return works


def main():
    options = arguments()
    threading.stack_size(256 * 1024)
    draws = random.Random(options.seed)
    works = seconds_of_work(draws, options)
    start, at, clients = time.monotonic(), 0.0, []
    for number in range(options.uploads):
        at += draws.expovariate(options.rate)
        clients.append(Client(options, number, works[number]))
        time.sleep(max(0.0, start + at - time.monotonic()))
        clients[-1].start()
    for client in clients:
        client.join(max(0.0, start + options.limit_s - time.monotonic()))
    told = [
        {
            "seconds": client.seconds,
            "ended": client.ended,
            "fault": client.fault,
            "owner": client.owner,
            "post_took_s": client.post_took_s,
            "polls": list(client.polls),
            "after_ready": list(client.after_ready),
        }
        for client in clients
    ]
    print(json.dumps({"elapsed_s": time.monotonic() - start, "uploads": told}))


if __name__ == "__main__":
    main()
