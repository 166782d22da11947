"""What both versions of the endpoint share: their settings, and the work behind an upload.

Settings come from the environment. The last part of a name is its unit: `_S` is seconds, of which there may be fractions, so that
time can be scaled down; `_CHANCE` is a number from 0 to 1.
"""

import math
import os
import random
import time


def number(name, default):
    """A setting: a number that is not negative."""
    text = os.environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        raise SystemExit(f"{name} is {text!r}; it must be a number, such as {default}") from None
    if not 0 <= value < math.inf:
        raise SystemExit(f"{name} is {text}; it must be 0 or more")
    return value


# How long an ended upload is kept: the incident's numbers.
READY_TTL_S = number("UPLOADS_READY_TTL_S", 1800)
FAILED_TTL_S = number("UPLOADS_FAILED_TTL_S", 900)
# How often a poll sweeps.
SWEEP_CHANCE = number("UPLOADS_SWEEP_CHANCE", 0.10)
# How long the work takes: lognormal, by its median and the deviation of its logarithm. A deviation of 0 is a fixed time.
PROCESSING_MEDIAN_S = number("UPLOADS_PROCESSING_MEDIAN_S", 30)
PROCESSING_SIGMA = number("UPLOADS_PROCESSING_SIGMA", 0.5)


def seconds_of_work(asked=None):
    """How long the work of an upload takes: what its client asked for, so that a test can draw it, or a draw of ours."""
    if asked is None:
        return PROCESSING_MEDIAN_S * math.exp(random.gauss(0, PROCESSING_SIGMA))
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 600:
        raise ValueError(f"seconds is {asked!r}; it must be a number from 0 to 600")
    return seconds


def work(data, seconds):
    """Stands for the real work: takes its time, fails for an empty file, and returns what the user is told."""
    time.sleep(seconds)
    if not data:
        raise ValueError("the file is empty")
    return f"{len(data)} bytes"


def received(request):
    """The name, the bytes and the seconds of work of an upload: a form with a `file`, or a raw body and `?filename=`."""
    if request.mimetype == "multipart/form-data":
        fields, file = request.form, request.files.get("file")
        name, data = (file.filename, file.read()) if file else (None, None)
    else:
        fields = request.args
        name, data = fields.get("filename"), request.get_data()
    if not name:
        raise ValueError("send a form with a file, or a body and ?filename=")
    return name, data, seconds_of_work(fields.get("seconds"))
