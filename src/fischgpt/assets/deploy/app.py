"""@@{title}: FischGPT's site and API inside a Gradio server, as Hugging Face starts it.

`gradio.Server` is a FastAPI application, so every route of `fischgpt up` lives in it, the original's `/api/predict` and
`/api/wake-up` too. Gradio's own clients call `/predict`.
"""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
# A Space sees its visitors through one proxy; what it keeps is lost when it sleeps.
os.environ.setdefault("FISCHGPT_PROXIES", "10.0.0.0/8")
os.environ.setdefault("FISCHGPT_CACHE", str(HERE / ".cache"))
os.environ.setdefault("FISCHGPT_DATA", "/data" if os.access("/data", os.W_OK) else str(HERE / ".data"))

try:
    import spaces  # before torch, on ZeroGPU  # ty: ignore
except ImportError:
    spaces = None

import torch  # noqa: E402
from gradio import Server  # noqa: E402

from fischgpt.chat import Turn  # noqa: E402
from fischgpt.engine import SamplingParams  # noqa: E402
from fischgpt.profile.profile import load_profile  # noqa: E402
from fischgpt.assistant.remote import describe  # noqa: E402
from fischgpt.server.app import create_app  # noqa: E402
from fischgpt.server.service import Service  # noqa: E402
from fischgpt.server.settings import read_settings  # noqa: E402
from fischgpt.server.site import built_site  # noqa: E402

service = Service(load_profile(HERE / "profile"), describe(@@{model_expression}))
app = create_app(service, built_site(), read_settings(), Server)


@app.api(name="predict", concurrency_limit=2)
def predict(question: str, temperature: float = 0.0, max_tokens: int = 128, top_p: float = 1.0) -> str:
    """The answer to one question about the owner."""
    if service.assistant is None:
        return "The model is waking up: ask again in a few seconds."
    params = SamplingParams(max_tokens=max_tokens, temperature=temperature, top_p=top_p)
    return service.assistant.reply([Turn("user", question[:500])], params).text


def gpu() -> str:
    """Which GPU this Space may use. Answers are computed on the processor: a model this small waits longer for a GPU
    than it would save; ZeroGPU starts no Space without a function that may use one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


app.api(spaces.GPU(gpu) if spaces else gpu, name="gpu")

if __name__ == "__main__":
    app.launch(
        server_name="0.0.0.0",
        server_port=int(os.environ.get("GRADIO_SERVER_PORT", "@@{port}")),
        # Gradio puts its own lifespan in place of the application's, which loads the model.
        app_kwargs={"lifespan": app.router.lifespan_context},
    )
