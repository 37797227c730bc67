"""The images that `fischgpt deploy` names, each at one version: what is started next year is what is started today.

Who raises one raises it here, lets `FISCHGPT_APPROVE=1 pytest tests/deploy` write the approved texts and reads what has
changed.
"""

PYTHON = "python:3.12.14-slim-trixie"
CADDY = "caddy:2.11.7-alpine"
LLAMA_CPP = "ghcr.io/ggml-org/llama.cpp:server-b11515"
"""Tests run llama.cpp as xllamacpp brings it, which is a few builds younger; an image is not built of each."""
VLLM = "vllm/vllm-openai:v0.31.0"
CHROMA = "chromadb/chroma:1.5.9"
"""The version of the package that the replicas speak with, and the newest. It starts Chroma's server in Rust: the hole
that lets strangers run code (CVE-2026-45829) is in the one in Python."""
