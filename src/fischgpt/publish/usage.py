"""The part of a model's card that says how to use it: with FischGPT, transformers, llama.cpp, Ollama, vLLM."""

HERE = "PATH"
"""What stands for the model where it is in no repository yet."""

_CHAT = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("WHERE")
model = AutoModelForCausalLM.from_pretrained("WHERE")
turns = [
    {"role": "system", "content": "[1] Work, Acme, Engineer (2019-2021): Built the billing system."},
    {"role": "user", "content": "What was built at Acme?"},
]
ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=False)
reply = model.generate(ids, max_new_tokens=48)[0, ids.shape[1] :]
print(tokenizer.decode(reply, skip_special_tokens=True))
```"""
_TEXT = """```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("WHERE")
model = AutoModelForCausalLM.from_pretrained("WHERE")
ids = tokenizer("The history of", return_tensors="pt").input_ids
print(tokenizer.decode(model.generate(ids, max_new_tokens=48)[0]))
```"""


def usage(repo: str | None, gguf: str | None, chats: bool) -> str:
    """Markdown. repo: `owner/name`, None for a folder on this machine; gguf: the kind of GGUF file beside the weights,
    as `Q8_0`; chats: whether the model was taught to."""
    model = HERE if repo is None else f"hf://{repo}"
    ours = f"fischgpt up --model {model} --profile resume.pdf" if chats else f"fischgpt eval {model} --task hellaswag"
    what = "the whole site on your own resume" if chats else "measure it"
    parts = ["## Use it", f"With FischGPT, {what}:", _shell(ours)]
    parts += ["With transformers:", (_CHAT if chats else _TEXT).replace("WHERE", repo or HERE)]
    if repo is not None and gguf is not None:
        parts += [f"With llama.cpp ({gguf}):", _shell(f"llama-server -hf {repo}:{gguf}")]
        parts += ["With Ollama:", _shell(f"ollama run hf.co/{repo}:{gguf}")]
    elif repo is not None:
        parts += ["With llama.cpp and Ollama, after", _shell(f"fischgpt export gguf {model} OUT")]
    if repo is not None:
        parts += ["With vLLM:", _shell(f"vllm serve {repo}")]
    if chats:
        parts.append(
            "Roles are control tokens of their own; encode text that a stranger typed with special tokens off."
        )
    if repo is None:
        parts.append(f"{HERE} is this folder.")
    else:
        parts.append("`sha256sum -c SHA256SUMS` checks the files; `hf://` does it whenever it opens them.")
    return "\n\n".join(parts) + "\n"


def _shell(command: str) -> str:
    return f"```sh\n{command}\n```"
