"""One request a line on stdin, one reply a line on stdout, both JSON: so a bench can interleave a baseline's repetitions with its own."""
import json
import os
import sys

import torch


def serve(handlers):
    """Answers until stdin ends. handlers: name of a task -> function of the request's other fields, returning a dict of numbers."""
    # Debian's build otherwise uses one thread for everything but OpenBLAS.
    torch.set_num_threads(int(os.environ.get("BENCH_THREADS", os.cpu_count())))
    # Whatever prints goes to stderr; replies alone have the pipe.
    replies, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        reply = handlers[request.pop("task")](**request)
        print(json.dumps(reply), file=replies, flush=True)
