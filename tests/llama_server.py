"""A real llama.cpp server in a process of its own, with the arguments of `llama-server` that `fischgpt deploy` prints.

    python tests/llama_server.py -m model.gguf --alias mini --host 127.0.0.1 --port 8080 --parallel 4

The wheel `xllamacpp` holds llama.cpp's server as a library; an argument that is not read here is an error.
"""

import argparse
import signal

import xllamacpp

parser = argparse.ArgumentParser()
parser.add_argument("-m", dest="model", required=True)
parser.add_argument("--alias", required=True)
parser.add_argument("--host", required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--parallel", type=int, required=True)
parser.add_argument("-c", dest="context", type=int, default=0)
args = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = args.model
params.model_alias = {args.alias}
params.hostnames = [args.host]
params.port = args.port
params.n_parallel = args.parallel
params.n_ctx = args.context
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.verbosity = -1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
