"""What Ollama reads beside a GGUF file: the chat format of chat.py as its Go templates say it.

`ollama create NAME -f Modelfile` in the folder; `template` and `params` of a repository for `ollama run
hf.co/OWNER/NAME` (https://huggingface.co/docs/hub/ollama).
"""

import json

from fischgpt.config import GPTConfig
from fischgpt.tokenizer import CONTROL, Tokenizer

_SYSTEM = '{{ if eq .Role "system" }}<|system|>{{ .Content }}{{ else if eq .Role "user" }}<|user|>{{ .Content }}'
# No tag for it: the system's text stands before the first question, which is the first or second message.
_NO_SYSTEM = '{{ if eq .Role "user" }}<|user|>{{ if and $.System (le $i 1) }}{{ $.System }}\n\n{{ end }}{{ .Content }}'
_REST = '{{ else if eq .Role "assistant" }}<|assistant|>{{ .Content }}<|endoftext|>{{ end }}'


def for_ollama(file_name: str, config: GPTConfig, tokenizer: Tokenizer) -> dict[str, str]:
    """Name and content of each file; of a model that was not taught to chat, the Modelfile alone."""
    params = {"num_ctx": config.block_size, "temperature": 0, "stop": list(CONTROL)}
    lines = [f"FROM ./{file_name}"]
    template = _template(tokenizer)
    if template is not None:
        lines.append(f'TEMPLATE """{template}"""')
    lines += [f"PARAMETER {key} {params[key]}" for key in ("num_ctx", "temperature")]
    lines += [f'PARAMETER stop "{marker}"' for marker in CONTROL]
    files = {"Modelfile": "\n".join(lines) + "\n"}
    if template is not None:
        files |= {"template": template, "params": json.dumps(params, indent=2) + "\n"}
    return files


def _template(tokenizer: Tokenizer) -> str | None:
    if tokenizer.tags == ():
        return None
    if tokenizer.tags is None or "<|system|>" in tokenizer.tags:
        return "{{ range .Messages }}" + _SYSTEM + _REST + "{{ end }}<|assistant|>"
    turn = "{{ range $i, $_ := .Messages }}" + _NO_SYSTEM + _REST
    return turn + "{{ end }}<|assistant|>"
