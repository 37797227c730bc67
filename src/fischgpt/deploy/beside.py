"""The servers beside the replicas, for Compose and Kubernetes: one that reads the model, and Chroma's."""

from typing import Any

import yaml

from fischgpt.deploy.images import CHROMA, LLAMA_CPP, VLLM
from fischgpt.deploy.site import ENGINE_PORT, Site

_CHROMA_PORT = 8000
_ENGINES = {
    "llama.cpp": (LLAMA_CPP, ["-m", "/model/model.gguf", "--host", "0.0.0.0", "--port", "8080", "--parallel", "4",
        "--alias"]),
    "vllm": (VLLM, ["--model", "/model", "--port", "8000", "--served-model-name"]),
}  # fmt: skip
"""Image and arguments; behind the last goes the model's name."""
_CHROMA_RUN = ["run", "--path", "/data", "--host", "0.0.0.0", "--port", str(_CHROMA_PORT)]


def beside(site: Site) -> dict[str, str]:
    """What the templates of both targets say of them; empty where a replica does everything itself."""
    services, volumes, documents, notes, variables = {}, {}, [], [], {}
    if site.engine != "here":
        services[site.engine_name] = _engine_service(site)
        documents.append(_engine_pods(site))
        notes.append(f"The model is read by {site.engine}; the replicas retrieve, check and serve the site.")
    if site.index != "here":
        services[site.index_name] = _chroma_service()
        volumes["index"] = {}
        documents.append(_chroma_pods(site))
        notes.append("Chroma has the index. It knows no passwords: only the replicas may reach it.")
        variables["FISCHGPT_INDEX"] = f"http://{site.index_name}:{_CHROMA_PORT}"
    return {
        "beside_note": "".join(f"\n# {note}" for note in notes),
        "compose_depends": f"\n    depends_on: [{', '.join(services)}]" if services else "",
        "compose_services": _indented(yaml.safe_dump(services, sort_keys=False), 2) if services else "",
        "compose_variables": "".join(f"\n      {key}: {value}" for key, value in variables.items()),
        "compose_volumes": _indented(yaml.safe_dump(volumes, sort_keys=False), 2) if volumes else "",
        "kubernetes_variables": "".join(
            f"\n            - name: {key}\n              value: {value}" for key, value in variables.items()
        ),
        "kubernetes_documents": "".join(documents),
    }


def _engine(site: Site) -> tuple[str, list[str]]:
    image, arguments = _ENGINES[site.engine]
    return image, [*arguments, site.model_name]


def _engine_service(site: Site) -> dict[str, Any]:
    image, arguments = _engine(site)
    service: dict[str, Any] = {
        "image": image,
        "command": arguments,
        "restart": "unless-stopped",
        "volumes": ["./model:/model:ro"],
    }
    if site.engine == "vllm":
        devices = [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
        service["deploy"] = {"resources": {"reservations": {"devices": devices}}}
    return service


def _engine_pods(site: Site) -> str:
    image, arguments = _engine(site)
    gpu = {"limits": {"nvidia.com/gpu": 1}} if site.engine == "vllm" else {"requests": {"cpu": 4, "memory": "1Gi"}}
    container = {
        "name": "model", "image": image, "args": arguments,
        "ports": [{"name": "http", "containerPort": ENGINE_PORT[site.engine]}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 5},
        "resources": gpu,
        "volumeMounts": [{"name": "model", "mountPath": "/model", "readOnly": True}],
    }  # fmt: skip
    comment = f"{site.engine} with the model's files in the volume claim {site.engine_name} (`fischgpt export`)."
    return _documents(comment, *_deployment(site.engine_name, container))


def _chroma_service() -> dict[str, Any]:
    return {
        "image": CHROMA,
        "command": _CHROMA_RUN,
        "restart": "unless-stopped",
        "volumes": ["index:/data"],
    }


def _chroma_pods(site: Site) -> str:
    container = {
        "name": "index", "image": CHROMA, "args": _CHROMA_RUN,
        "ports": [{"name": "http", "containerPort": _CHROMA_PORT}],
        "readinessProbe": {"httpGet": {"path": "/api/v2/heartbeat", "port": "http"}, "periodSeconds": 5},
        "resources": {"requests": {"cpu": 1, "memory": "512Mi"}},
        "volumeMounts": [{"name": "index", "mountPath": "/data"}],
    }  # fmt: skip
    deployment, entrance = _deployment(site.index_name, container)
    deployment["spec"]["strategy"] = {"type": "Recreate"}  # two may not write into one volume
    replicas = {"podSelector": {"matchLabels": {"app.kubernetes.io/instance": site.name}}}
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": site.index_name},
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/instance": site.index_name}},
            "ingress": [{"from": [replicas], "ports": [{"port": _CHROMA_PORT}]}],
        },
    }  # fmt: skip
    comment = f"Chroma with its files in the volume claim {site.index_name}, reached by the replicas alone."
    return _documents(comment, deployment, entrance, policy)


def _deployment(name: str, container: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A Deployment of one pod with the volume claim of its name, and its Service."""
    part, port = container["name"], container["ports"][0]["containerPort"]
    labels = {"app.kubernetes.io/name": part, "app.kubernetes.io/instance": name}
    pod = {
        "containers": [container],
        "volumes": [{"name": part, "persistentVolumeClaim": {"claimName": name}}],
    }
    deployment = {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }  # fmt: skip
    entrance = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
    }  # fmt: skip
    return deployment, entrance


def _documents(comment: str, *documents: dict[str, Any]) -> str:
    return f"---\n# {comment}\n" + yaml.dump_all(documents, Dumper=_Plain, sort_keys=False)


class _Plain(yaml.SafeDumper):
    """Writes what stands twice twice, without anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _indented(text: str, by: int) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())
