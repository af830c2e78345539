# What you can do with pumpd on a fresh Debian or Raspberry Pi OS with Python 3.11, git and make.
#
#   make demo    a whole infusion on a simulated pump, 60 times faster than real time
#   make test    the test suite; make browser    the tablet in a real browser, separate because it takes real time
#   make check   lint, types, import rules, generated pages
#   make bench   the measurements
#   make firmware FIRMWARE=image.elf   pumpd on a pump's firmware, on an emulated chip (docs/how-to/firmware.md)
#   make explore every order of events, and every deliberate break, of the state machine
#   make fuzz    10^6 mutated packets against every codec
#   make page    build the tablet's page if its sources are newer
#   make package    the Debian packages, into dist/ (docs/how-to/install.md)
#   make package-test   install, update, remove and purge them in clean Debian roots
#   make pictures   the pictures of the tablet's screens for docs/tablet.md
#   make campaign N=20000   random infusions with many faults at once, checked against the simulated plants
#   make table   rewrite the pages that are generated from code and tests
#
# uv comes from PATH, or from PyPI into .uv/. Only `test`, `browser`, `bench`, `firmware` and `pictures` may install system
# packages, and only missing ones. What you install into .venv yourself, such as a driver, stays until `make clean`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test browser check bench firmware explore fuzz campaign pictures package package-test roots table page page-check setup system avr clean

export UV_PYTHON_DOWNLOADS ?= never
# The tests start a hundred interpreters. Without compiled files, compiling would take half of each start.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= $(shell command -v python3.11 || command -v python3)
UV := $(or $(shell command -v uv),$(CURDIR)/.uv/bin/uv)
RUN := $(UV) run --no-sync
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
ARGS ?=
FIRMWARE ?=
N ?= 300

# Tools that print a page or a picture from code and tests.
PRINTED := requirements_table safety_case states_page restart_page requests_page configuration_page doctor_page lease_picture uncertain_picture

PAGE := pumpd/bedside/page
STATIC := pumpd/bedside/static
PAGE_SOURCES := $(shell find $(PAGE) -path '*/node_modules' -prune -o -type f -print)
# Node and npm come from PyPI, into .venv
NODE := PATH="$(CURDIR)/.venv/bin:$$PATH"

help:
	@sed -n 's/^#   //p' Makefile

demo: page
	$(RUN) pumpd demo $(ARGS)

# One more worker than cores: some tests wait for real processes.
test: page system
	$(RUN) pytest -n $$(( $$(nproc) + 1 )) --dist worksteal -m "not browser and not debian" $(ARGS)

# A real Chromium as tablet and phone, in real time: separate, so that the suite stays fast.
browser: page system
	$(RUN) pytest -n $$(nproc) --dist loadfile tests/browser $(ARGS)

check: page-check
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports --no-logo
	for tool in $(PRINTED); do $(RUN) python -m tools.$$tool --check; done
	$(RUN) python -m tools.driver_quality --check
	$(RUN) python -m tools.tablet_pictures --check

page: $(STATIC)/index.html

$(STATIC)/index.html: $(PAGE)/node_modules/.package-lock.json $(PAGE_SOURCES) | setup
	cd $(PAGE) && $(NODE) node build.mjs

$(PAGE)/node_modules/.package-lock.json: $(PAGE)/package-lock.json | setup
	cd $(PAGE) && $(NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

page-check: page
	cd $(PAGE) && $(NODE) npm run --silent check

bench: page system
	$(RUN) python -m benchmarks $(ARGS)

firmware: setup avr
	$(RUN) python -m benchmarks.firmware $(FIRMWARE) $(ARGS)

explore: setup
	nice $(RUN) python -m tests.exploration --doc $(ARGS)

fuzz: setup
	$(RUN) python -m benchmarks.fuzz $(ARGS)

campaign: setup
	$(RUN) python -m tests.campaign --n $(N) $(ARGS)

# For both Debians and both architectures; ARGS="--debian deb13 --arch amd64" builds one of them.
package: page
	@missing=; command -v dpkg-deb >/dev/null || missing="$$missing dpkg"; \
	$(INSTALL)
	$(RUN) python -m tools.package $(ARGS)

# In clean roots of both Debians, as root: install, upgrade, refuse, remove, purge (docs/how-to/install.md).
package-test: package roots
	@missing=; command -v lintian >/dev/null || missing="$$missing lintian"; \
	$(INSTALL)
	$(SUDO) .venv/bin/python -m pytest -p no:cacheprovider -n 0 -m debian tests/packaging

# What builds Debian roots, and runs those of another architecture (tools/debian_root.py).
roots:
	@missing=; PATH=$$PATH:/usr/sbin; \
	command -v debootstrap >/dev/null || missing="$$missing debootstrap"; \
	command -v zstd >/dev/null || missing="$$missing zstd"; \
	command -v ip >/dev/null || missing="$$missing iproute2"; \
	command -v qemu-aarch64-static >/dev/null || missing="$$missing qemu-user-static"; \
	$(INSTALL)

pictures: page system
	$(RUN) python -m tools.tablet_pictures $(ARGS)

# Rewrites every page that is printed from code and tests. `check` fails when one of them is out of date.
table: setup
	for tool in $(PRINTED); do $(RUN) python -m tools.$$tool; done

# Every locked package in its locked version. Other packages stay: else a driver that you installed would be gone.
setup: $(UV)
	@$(UV) sync --locked --inexact --quiet

# Debian ships `venv` as a separate package. If it is missing, use pip if available, else apt.
$(CURDIR)/.uv/bin/uv:
	@echo "make: fetching uv from PyPI into .uv/"
	@if $(PYTHON) -m venv .uv 2>/dev/null; then \
		.uv/bin/python -m pip install --quiet 'uv>=0.13,<1'; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		rm -rf .uv; \
		PYTHONUSERBASE=$(CURDIR)/.uv $(PYTHON) -m pip install --quiet --user --ignore-installed --break-system-packages 'uv>=0.13,<1'; \
	else \
		rm -rf .uv; \
		echo "make: installing python3-venv"; \
		$(SUDO) apt-get update -qq; \
		$(SUDO) apt-get install -qq -y --no-install-recommends python3-venv; \
		$(PYTHON) -m venv .uv; \
		.uv/bin/python -m pip install --quiet 'uv>=0.13,<1'; \
	fi
	@echo '*' > .uv/.gitignore

# Installs the system packages that a recipe has collected in `missing`.
define INSTALL
if [ -n "$$missing" ]; then \
		echo "make: installing$$missing"; \
		$(SUDO) apt-get update -qq; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
	fi
endef

# mosquitto: the broker of the telemetry tests. systemd: systemd-analyze and systemd-sysusers, for the tests of the units.
# chromium, with a font: the tablet in the browser tests; certutil: its store of trusted authorities.
system: avr
	@missing=; PATH=$$PATH:/usr/sbin; \
	command -v mosquitto >/dev/null || missing="$$missing mosquitto"; \
	command -v systemd-analyze >/dev/null || missing="$$missing systemd"; \
	command -v certutil >/dev/null || missing="$$missing libnss3-tools"; \
	command -v chromium >/dev/null || missing="$$missing chromium fonts-dejavu-core"; \
	$(INSTALL)

# A compiler for the chip of examples/firmware, and the emulated chip with what it is compiled with.
avr:
	@missing=; \
	command -v avr-gcc >/dev/null || missing="$$missing gcc-avr"; \
	[ -e /usr/lib/avr/include/avr/io.h ] || missing="$$missing avr-libc"; \
	[ -e /usr/include/simavr/sim_avr.h ] || missing="$$missing libsimavr-dev"; \
	[ -e /usr/include/libelf.h ] || missing="$$missing libelf-dev"; \
	command -v cc >/dev/null || missing="$$missing gcc libc6-dev"; \
	$(INSTALL)

clean:
	rm -rf $(STATIC) $(PAGE)/node_modules .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
