"""Serves one GGUF file over llama.cpp's OpenAI-compatible HTTP API, on the loopback address only.

    python serve.py MODEL.gguf PORT

PORT 0 takes a free one. One line on standard output says `listening http://127.0.0.1:PORT` when the
model answers. The server ends when its standard input closes, so it cannot outlive who started it.
"""

import os
import sys

import xllamacpp


def main():
    model, port = sys.argv[1], int(sys.argv[2])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"smollm2"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = 8192
    params.n_parallel = 1
    params.cpuparams.n_threads = min(os.cpu_count() or 1, 8)
    params.cpuparams_batch.n_threads = params.cpuparams.n_threads
    # No web page, no slot dumps, no downloads: chat completions are all that is wanted.
    params.ui = False
    params.endpoint_slots = False
    params.offline = True
    params.verbosity = 1
    server = xllamacpp.Server(params)
    print("listening", server.listening_address, flush=True)
    sys.stdin.read()
    # The library joins its threads only after open requests end; nothing here needs that.
    os._exit(0)


if __name__ == "__main__":
    main()
