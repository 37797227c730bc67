"""What the OpenAPI description says holds, for whatever schemathesis thinks of.

FISCHGPT_CASES=1000 for the long run (benchmarks/serving.md); fewer here.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.strategies import SearchStrategy
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi
from starlette.testclient import TestClient

from assistant_samples import scripted
from fischgpt.assistant.model import describe_model
from fischgpt.evals.condense import write_learned
from fischgpt.evals.record import read_run
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server import documents
from fischgpt.server.app import create_app
from fischgpt.server.service import Service
from fischgpt.server.settings import Settings
from report_samples import write_phase

CASES = int(os.environ.get("FISCHGPT_CASES", "200"))
KEY = "the-owner-has-a-key"
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
    openapi.negative_data_rejection,
    openapi.unsupported_method,
]
# Left out: positive_data_acceptance. A conversation whose last message is not the user's, a model that is not served or
# an answer of nothing but blanks fits the schema and is refused: OpenAPI cannot say it.


@pytest.fixture(scope="module")
def api(profile: Profile, index: Index, model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description, of an app that runs in this process."""
    data = tmp_path_factory.mktemp("data")
    # Each document added embeds all of them again: a hundred would be most of this test's time, and add nothing to it.
    patch = pytest.MonkeyPatch()
    patch.setattr(documents, "MAX_DOCUMENTS", 3)
    assistant, _ = scripted(profile, index, "[1] Designed the Harlow footbridge, 212 metres long.")
    model = describe_model(copytree(model_folder, tmp_path_factory.mktemp("models") / "tiny"))
    run = tmp_path_factory.mktemp("run")
    for phase in ("pretrain", "sft"):
        write_phase(run, phase, steps=100, planned=100)
    write_learned(model, read_run(run), model.folder)
    service = Service(profile, model, lambda _: assistant)
    app = create_app(service, None, Settings(owner_key=KEY, data=data, rate=0))
    with TestClient(app):  # runs the lifespan
        description = schemathesis.openapi.from_asgi("/openapi.json", app)
        # A body of the wrong shape that is too large as well is refused for its size, before it is read.
        description.config.checks.negative_data_rejection.expected_statuses.append("413")
        yield description
    patch.undo()


@pytest.mark.timeout(7200)  # the long run takes its time, and so does a busy machine
def test_every_operation_keeps_to_its_description(api: Any) -> None:
    # Not by schemathesis' pytest plugin, which 4.32.5 has broken under pytest 9.2.
    seen = {}
    for found in api.get_all_operations():
        operation = found.ok()
        for mode in GenerationMode:
            try:
                cases = operation.as_strategy(generation_mode=mode)
                seen[operation.label, mode.value] = _try(operation, cases)
            except Unsatisfiable:  # nothing can be wrong about a request without parameters
                assert mode is GenerationMode.NEGATIVE
    print(f"\n{sum(seen.values())} cases of {len({label for label, _ in seen})} operations, 0 failures")
    assert len(seen) > 20


def _try(operation: Any, cases: SearchStrategy[Any]) -> int:
    """Check CASES / 2 cases (fewer where there are no more to try); how many there were."""
    count = 0

    @given(case=cases)
    @settings(
        max_examples=CASES // 2,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: Any) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(checks=CHECKS, headers={"Authorization": f"Bearer {KEY}"}, timeout=60)

    run()
    return count
