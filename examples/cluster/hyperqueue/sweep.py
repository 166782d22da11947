#!/usr/bin/env python3
"""A sweep in N shards by HyperQueue (`pip install hyperqueue`).

    sweep.py N SCENARIO [OPTION…]     the options are those of `stillready sweep`; shards to ./shards, the merged sweep to ./reports

Runs on all cores of this machine. Where HQ_SERVER_DIR names the folder of a running server (`hq server start --server-dir DIR`), its
workers run the shards, in this folder, which they share. Run it again after any end: whole shards are kept.
"""

import contextlib
import os
import subprocess
import sys

from hyperqueue import Client, Job
from hyperqueue.cluster import LocalCluster, WorkerConfig


def run(client, shards, count, arguments):
    """Runs the shards, and returns those that failed."""
    job = Job(name="sweep", max_fails=None)  # One that fails stops no other.
    for shard in shards:
        command = ["stillready", "sweep", *arguments, "--shard", f"{shard}/{count}", "--resume", "--jobs", "1", "--output", "shards"]
        job.program([*command, "--quiet"], name=str(shard), stdout=None, stderr=f"shards/hyperqueue-{shard}.log")
    submitted = client.submit(job)
    if client.wait_for_jobs([submitted], raise_on_error=False):  # With a progress bar.
        return []
    return [shards[task] for task in client.get_failed_tasks(submitted)]


def main():
    count, arguments = int(sys.argv[1]), sys.argv[2:]
    left = list(range(1, count + 1))
    with contextlib.ExitStack() as stack:
        if server := os.environ.get("HQ_SERVER_DIR"):
            client = Client(server)
        else:
            client = stack.enter_context(LocalCluster(worker_config=WorkerConfig())).client()
        for _ in range(3):  # HyperQueue gives a lost worker's tasks to another, but tries none again that merely failed.
            left = left and run(client, left, count, arguments)
    if left:
        sys.exit(f"failed three times: shards {left}; see shards/hyperqueue-*.log")
    sys.exit(subprocess.call(["stillready", "merge", "shards", "--output", "reports"]))


if __name__ == "__main__":
    main()
