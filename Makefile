# make up    set everything up and open the finished site on the shipped model
# make test  set everything up and run every test, the browser ones too
#
# Both work from any folder (make -C PATH up) and need nothing but Python 3.11 to 3.13 and make. Stamps in .venv
# remember what was installed, so the second time takes seconds and needs no network.

ROOT  := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
VENV  := $(ROOT)/.venv
PY    := $(VENV)/bin/python
HOST  ?= 127.0.0.1
PORT  ?= 8000
MODEL ?= mini
WEB   := $(shell find "$(ROOT)/web" -name node_modules -prune -o -type f -print 2>/dev/null | grep -v ' ')
SETUP := $(ROOT)/pyproject.toml $(ROOT)/constraints.txt $(wildcard $(ROOT)/hatch_build.py $(ROOT)/src/fischgpt/engine/native/*.[ch]) $(WEB)

# The newest Python that the pinned torch has wheels for; PYTHON=... chooses another.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)

.PHONY: help up test check docs setup setup-dev space browser lock clean

help:
	@sed -n '1,2s/^# //p' "$(ROOT)/Makefile"

up: setup
	@cd "$(ROOT)" && exec "$(VENV)/bin/fischgpt" up --host "$(HOST)" --port "$(PORT)" --model "$(MODEL)" --open

test: setup-dev space browser check
	@cd "$(ROOT)" && "$(PY)" -m pytest -n 2 --dist loadfile

# Style, types, and the rooms' import order.
check: setup-dev
	@cd "$(ROOT)" && "$(PY)" -m ruff check . && "$(PY)" -m ruff format --check -q . \
		&& "$(VENV)/bin/pyrefly" check --output-format min-text && "$(VENV)/bin/lint-imports" --no-cache >/dev/null \
		|| { "$(VENV)/bin/lint-imports" --no-cache; exit 1; }

# The book as a site in build/book/site; stops at a link that leads nowhere.
docs: setup-dev
	@cd "$(ROOT)" && "$(PY)" docs/build.py

setup: $(VENV)/.stamp-core
setup-dev: $(VENV)/.stamp-dev

$(PY):
	@test -n "$(PYTHON)" || { echo "error: Python 3.11, 3.12 or 3.13 with venv is needed; name one with make PYTHON=/path/to/python" >&2; exit 2; }
	@echo "Setting up in .venv with $$($(PYTHON) --version) (a few minutes the first time)"
	@"$(PYTHON)" -m venv "$(VENV)"

$(VENV)/.stamp-core: $(SETUP) | $(PY)
	@test -e "$(VENV)/.stamp-dev" && extras='[dev]' || extras='[train]'; \
	cd "$(ROOT)" && "$(PY)" -m pip install -q --disable-pip-version-check -c constraints.txt -e ".$$extras"
	@touch "$@"

$(VENV)/.stamp-dev: $(VENV)/.stamp-core
	@cd "$(ROOT)" && "$(PY)" -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch "$@"

# Gradio, for the test that starts a Space, beside the tools: 44 MB to download and 11 seconds, for they lie behind it.
space: $(VENV)/space/.stamp

$(VENV)/space/.stamp: $(ROOT)/tests/deploy/gradio.txt $(ROOT)/constraints.txt | $(VENV)/.stamp-dev
	@"$(PY)" -m venv --clear --without-pip "$(@D)"
	@"$(PY)" -c 'import sys; from sysconfig import get_path; \
		open(get_path("purelib", vars={"base": sys.argv[1]}) + "/tools.pth", "w").write(get_path("purelib"))' "$(@D)"
	@"$(PY)" -m pip --python "$(@D)/bin/python" install -q --disable-pip-version-check -r "$<"
	@touch "$@"

# Browser tests use an installed Chromium or Chrome; without one, Playwright's own is downloaded.
browser: setup-dev
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$FISCHGPT_CHROMIUM" \
		|| "$(PY)" -m playwright install chromium

# Write constraints.txt anew from an empty environment: the exact versions everything is tested with.
lock:
	@rm -rf "$(ROOT)/.venv-lock" && "$(PYTHON)" -m venv "$(ROOT)/.venv-lock"
	@cd "$(ROOT)" && FISCHGPT_SKIP_WEB=1 .venv-lock/bin/python -m pip install -q -e '.[dev,parity]'
	@cd "$(ROOT)" && echo '# The exact versions everything is tested with; make lock writes this file anew.' > constraints.txt && .venv-lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' >> constraints.txt
	@rm -rf "$(ROOT)/.venv-lock"

clean:
	@rm -rf "$(VENV)" "$(ROOT)/src/fischgpt/assets/web" "$(ROOT)/web/node_modules"
