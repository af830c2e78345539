# What you can do with pumpd on a fresh Debian or Raspberry Pi OS with Python 3.11 to 3.13, git and make.
#
#   make demo    a whole infusion on a simulated pump, 60 times faster than real time
#   make test    the test suite; make browser    the tablet in a real browser, separate because it takes real time
#   make check   lint, types, import rules, generated pages
#   make bench   the measurements; ARGS=--short shows only that each of them works, in minutes
#   make ward    a ward on this machine: nats-server, PostgreSQL, its page and 8 simulated gateways; ward-cluster: three nodes
#   make ward-test   the ward's service with a real nats-server and PostgreSQL
#   make firmware FIRMWARE=image.elf   pumpd on a pump's firmware, on an emulated chip (docs/how-to/firmware.md)
#   make explore every order of events, and every deliberate break, of the state machine
#   make proof   the dose arithmetic, for every number that can be typed (docs/explanations/proof.md)
#   make mutants N=200   small changes of the core that a test must notice (docs/how-to/mutants.md)
#   make fuzz    10^6 mutated packets against every codec
#   make fuzz-inputs   everything that reads bytes from outside, coverage-guided, a minute each
#   make page    build the tablet's page if its sources are newer
#   make test-313   the test suite under Debian 13's Python 3.13
#   make audit      known vulnerabilities of what the package brings, and whether everything is locked
#   make package    the Debian packages of gateway and ward, into dist/ (docs/how-to/install.md, install-a-ward.md)
#   make package-test   install, update, remove and purge them in clean Debian roots
#   make vm         a virtual gateway: the package on an emulated machine with USB serial adapters (docs/how-to/virtual-gateway.md)
#   make vm-soak HOURS=24   the same, left alone: descriptors, memory, journal and writes to its disk
#   make pictures   the pictures of the tablet's screens for docs/tablet.md
#   make campaign N=20000   random infusions with many faults at once, checked against the simulated plants
#   make docs    the documentation as a site, in site/
#   make table   rewrite the pages that are generated from code and tests
#
# uv comes from PATH, or from PyPI into .uv/. Only `test`, `browser`, `bench`, `firmware` and `pictures` may install system
# packages, and only missing ones. What you install into .venv yourself, such as a driver, stays until `make clean`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test browser check bench firmware explore proof mutants fuzz fuzz-inputs campaign pictures package package-test test-313 audit docs roots ward ward-cluster ward-page ward-test ward-system vm vm-soak vm-image qemu table page page-check setup system avr clean

export UV_PYTHON_DOWNLOADS ?= never
# The tests start a hundred interpreters. Without compiled files, compiling would take half of each start.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Debian's own Python, which a gateway runs too, and not the first one on PATH; another one where it is too old.
SYSTEM_PYTHON := $(shell /usr/bin/python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo /usr/bin/python3)
ifneq ($(SYSTEM_PYTHON),)
export UV_PYTHON ?= $(SYSTEM_PYTHON)
endif
UV := $(or $(shell command -v uv),$(CURDIR)/.uv/bin/uv)
RUN := $(UV) run --no-sync
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
ARGS ?=
FIRMWARE ?=
N ?= 300
ARCH ?= amd64
HOURS ?= 24

# Tools that print a page or a picture from code and tests.
PRINTED := messages tablet_api requirements_table safety_case states_page restart_page requests_page configuration_page telemetry_page doctor_page lease_picture uncertain_picture

PAGE := pumpd/bedside/page
STATIC := pumpd/bedside/static
PAGE_SOURCES := $(shell find $(PAGE) -path '*/node_modules' -prune -o -type f -print)
WARD_SOURCES := $(shell find ward/page $(PAGE)/src/style $(PAGE)/notices.mjs -path '*/node_modules' -prune -o -type f -print)
# Node and npm come from PyPI, into .venv
NODE := PATH="$(CURDIR)/.venv/bin:$$PATH"

help:
	@sed -n 's/^#   //p' Makefile

demo: page
	$(RUN) pumpd demo $(ARGS)

# Not the tests that need a browser, a Debian root, an emulated machine or a ward's servers.
# A folder of which nothing is wanted is not even read, which would cost each worker the imports.
SUITE := -m "not browser and not debian and not vm and not ward" --ignore=tests/browser --ignore=tests/vm

# One more worker than cores: some tests wait for real processes.
test: page system
	$(RUN) pytest -n $$(( $$(nproc) + 1 )) --dist worksteal $(SUITE) $(ARGS)

# A real Chromium as tablet and phone, in real time: separate, so that the suite stays fast.
browser: page system
	$(RUN) pytest -n $$(nproc) --dist loadfile tests/browser $(ARGS)

# A whole ward on this machine, until Ctrl-C: one nats-server or three, PostgreSQL, ingest, board and 8 simulated gateways.
ward: ward-page ward-system
	$(RUN) python -m tools.ward $(ARGS)

ward-cluster: ward-page ward-system
	$(RUN) python -m tools.ward --cluster $(ARGS)

# The ward with a real nats-server and a real PostgreSQL, in real time.
ward-test: ward-page ward-system system
	$(RUN) pytest -n 2 --dist loadfile -m ward tests/ward $(ARGS)

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

# The ward's page, which takes its colours from the tablet's.
ward-page: ward/pumpd_ward/static/index.html

ward/pumpd_ward/static/index.html: ward/page/node_modules/.package-lock.json $(WARD_SOURCES) | setup
	cd ward/page && $(NODE) node build.mjs

ward/page/node_modules/.package-lock.json: ward/page/package-lock.json | setup
	cd ward/page && $(NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

page-check: page ward-page
	cd $(PAGE) && $(NODE) npm run --silent check
	cd ward/page && $(NODE) npm run --silent check

bench: page system
	$(RUN) python -m benchmarks $(ARGS)

firmware: setup avr
	$(RUN) python -m benchmarks.firmware $(FIRMWARE) $(ARGS)

explore: setup
	nice $(RUN) python -m tests.exploration --doc $(ARGS)

proof: setup
	nice $(RUN) python -m tests.proof $(ARGS)

# Without N=, every one: hours. ARGS="dosing --seed 7" is a target and another sample, ARGS="--changed main" what changed.
mutants: setup
	nice $(RUN) python -m tools.mutants $(if $(filter command line,$(origin N)),--n $(N)) $(ARGS)

fuzz: setup
	$(RUN) python -m benchmarks.fuzz $(ARGS)

# Coverage-guided, with atheris in an environment of its own: it has no wheel for every Python that pumpd runs on.
fuzz-inputs: setup
	$(RUN) --with atheris==3.0.0 python -m benchmarks.fuzz_inputs $(ARGS)

campaign: setup
	$(RUN) python -m tests.campaign --n $(N) $(ARGS)

# For both Debians and both architectures; ARGS="--debian deb13 --arch amd64" builds one of them.
package: page ward-page
	@missing=; command -v dpkg-deb >/dev/null || missing="$$missing dpkg"; \
	$(INSTALL)
	$(RUN) python -m tools.package $(ARGS)

# In clean roots of both Debians, as root: install, upgrade, refuse, remove, purge (docs/how-to/install.md).
# Two files of tests at once, each with roots of its own.
package-test: page ward-page roots
	$(RUN) python -m tools.package --package pumpd
	$(RUN) python -m tools.package --package pumpd-ward --arch $(ARCH)
	@missing=; command -v lintian >/dev/null || missing="$$missing lintian"; \
	$(INSTALL)
	$(SUDO) .venv/bin/python -m pytest -p no:cacheprovider -n 2 --dist loadfile -m debian tests/packaging $(ARGS)

# The suite under Debian 13's Python 3.13, in a clean root. ARGS="tests/journal -k open" runs a part.
test-313: page roots
	$(SUDO) .venv/bin/python -m tools.suite_in_debian deb13 $(SUITE) -n $$(( $$(nproc) + 1 )) --dist worksteal $(ARGS)

# Known vulnerabilities and unlocked packages; ARGS=--strict where the advisory data must be reached.
audit: setup
	$(RUN) python -m tools.audit $(ARGS)

# The virtual gateway: Debian 13 with the package, on an emulated machine. Without ARGS everything but what takes an hour;
# ARGS=tests/vm/test_short_form.py is its short form, ARGS="-m whole" the rest. ARCH=arm64 boots the arm64 package.
# An emulated machine has one processor: two files at once, each with its own machine.
VM := PUMPD_VM_IMAGE=$$($(SUDO) .venv/bin/python -m tests.vm.image $(ARCH)) $(RUN) pytest -p no:randomly

vm: vm-image system
	$(VM) -n 2 --dist loadfile -m "vm and not whole" $(if $(findstring tests/,$(ARGS)),,tests/vm) $(ARGS)

vm-soak: vm-image system
	PUMPD_VM_HOURS=$(HOURS) $(VM) -n 0 -m whole tests/vm/test_soak.py $(ARGS)

# Packages that changed are built, the disk is made when its package is new.
vm-image: page roots qemu
	$(RUN) python -m tools.package --package pumpd --debian deb13 --arch $(ARCH)
	$(SUDO) .venv/bin/python -m tests.vm.image $(ARCH)

qemu:
	@missing=; PATH=$$PATH:/usr/sbin; \
	command -v qemu-img >/dev/null || missing="$$missing qemu-utils"; \
	command -v mke2fs >/dev/null || missing="$$missing e2fsprogs"; \
	case $(ARCH) in \
	amd64) command -v qemu-system-x86_64 >/dev/null || missing="$$missing qemu-system-x86 seabios";; \
	arm64) command -v qemu-system-aarch64 >/dev/null || missing="$$missing qemu-system-arm";; \
	esac; \
	$(INSTALL)

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

# From docs/ as it is, without a network; a link that leads nowhere fails.
docs: setup
	$(RUN) python -m tools.docs_site

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

# nats-server comes as a wheel (the dependency group `ward`). Its own cluster is not needed: each run makes one.
ward-system:
	@missing=; \
	command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$$missing postgresql"; \
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
	rm -rf dist $(STATIC) $(PAGE)/node_modules ward/pumpd_ward/static ward/page/node_modules .venv .uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
