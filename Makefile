# fairlead: `make`, `make test`, `make demo`, `make lab`, `make lint`, `make install PREFIX= DESTDIR=`, `make clean`.
# Variables: CC (gcc or clang), SAN (e.g. address,undefined: builds and tests under build/san-…), V=1 shows commands.

CC      ?= gcc
ifeq ($(origin CC),default)
CC      := gcc
endif
PREFIX  ?= /usr/local
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
SAN     ?=
RELEASE := $(shell cat VERSION)
COMMIT  := $(shell git describe --always --exclude='*' --dirty 2>/dev/null || echo unknown)

comma := ,
ifeq ($(SAN),)
BUILD    ?= build
SANFLAGS :=
else
BUILD    ?= build/san-$(subst $(comma),-,$(SAN))
SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
endif

Q := $(if $(V),,@)
# As many jobs as cores where a target starts with an empty machine, unless -j says otherwise.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
MAKEFLAGS += --no-print-directory

# In include order: a folder uses those before it.
FOLDERS  := base watch netlink nft service dns proxy relay observe daemon cli
PACKAGES := libmnl libnftnl ldns libcjson yaml-0.1 liburcu-qsbr liburcu-cds libcurl openssl libcap-ng libseccomp
# Asked when first needed, not when this file is read: the packages may arrive by `make deps` in this very run.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags --silence-errors $(PACKAGES)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs --silence-errors $(PACKAGES)) -lev)$(PKG_LIBS)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Werror
CFLAGS   ?= -O2 -g
# libev declares fall-back fields that break strict aliasing by design; its manual asks for the flag.
OURFLAGS  = -std=c11 -D_GNU_SOURCE -I. $(WARNINGS) -fno-strict-aliasing -fstack-protector-strong -fPIE -pthread $(SANFLAGS) $(PKG_CFLAGS)
OURLIBS   = $(PKG_LIBS) -pthread
LINKFLAGS = -pie -Wl,-z,relro,-z,now $(SANFLAGS)

SOURCES  := $(wildcard $(FOLDERS:%=%/*.c) $(FOLDERS:%=%/*/*.c))
MAIN     := cli/main.c
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
ARCHIVES := $(patsubst %,$(BUILD)/lib%.a,cli daemon observe relay proxy dns service nft netlink watch base)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
HELPERS    := $(patsubst tests/kernel/%.c,$(BUILD)/tests/kernel/%,$(wildcard tests/kernel/*.c))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all programs deps test check fuzz fuzz-run demo lab lab-down lint test-image test-kernel bench-sync bench-pods bench-hostile bench-drift bench-conntrack bench-proxy bench-read bench-watch bench-commands bench-dns bench-dns-forward bench-dns-faults \
	bench-flows bench-page bench-probes install install-files uninstall clean
all: $(BUILD)/fairlead

$(BUILD)/fairlead: $(BUILD)/$(MAIN:.c=.o) $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(ARCHIVES) $(OURLIBS)

# One archive a folder: a test links exactly the modules that it calls.
define archive_rule
$(BUILD)/lib$(1).a: $(filter-out $(BUILD)/$(MAIN:.c=.o),$(filter $(BUILD)/$(1)/%,$(OBJECTS)))
	@rm -f $$@
	$(Q)ar rcs $$@ $$^
endef
$(foreach folder,$(FOLDERS),$(eval $(call archive_rule,$(folder))))

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(OURFLAGS) $(CFLAGS) $(DEFINES) -MMD -MP -c -o $@ $<

$(BUILD)/observe/page/files.o: observe/page/page.css observe/page/page.js

# One file knows the version: another commit rebuilds this one only.
$(BUILD)/base/version.o: DEFINES = -DRELEASE='"$(RELEASE)"' -DCOMMIT='"$(COMMIT)"'
ifneq ($(shell cat $(BUILD)/version 2>/dev/null),$(RELEASE) $(COMMIT))
$(shell mkdir -p $(BUILD) && echo '$(RELEASE) $(COMMIT)' >$(BUILD)/version)
endif
$(BUILD)/base/version.o: $(BUILD)/version
$(BUILD)/version:

# What several tests share: tests/unit/*_lab.c.
LABS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/*_lab.c))
$(BUILD)/tests/liblab.a: $(LABS)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/tests/liblab.a $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(BUILD)/tests/liblab.a $(ARCHIVES) $(OURLIBS) -lcmocka

# Programs that the kernel tests drive.
$(BUILD)/tests/kernel/%: $(BUILD)/tests/kernel/%.o $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(ARCHIVES) $(OURLIBS)

# Fuzz targets run their stored inputs in `make test`; `make fuzz` runs each with libFuzzer for FUZZ_SECONDS and prints a
# table. FUZZ="events state" runs some of them.
FUZZ_SECONDS ?= 30
FUZZ         ?=
FUZZ_MAIN    ?= $(BUILD)/tests/fuzz/replay.o
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(filter %.o,$(FUZZ_MAIN)) $(BUILD)/tests/liblab.a $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(FUZZ_MAIN) $(BUILD)/tests/liblab.a $(ARCHIVES) \
		$(OURLIBS)

fuzz: deps
	$(Q)deploy/deps.sh lint
	$(Q)$(MAKE) CC=clang SAN=fuzzer-no-link,address,undefined FUZZ_MAIN=-fsanitize=fuzzer fuzz-run

fuzz-run: $(FUZZERS)
	$(Q)tests/fuzz/run.py --build $(BUILD) --seconds $(FUZZ_SECONDS) $(FUZZ)

# Programs of `make bench-dns`.
BENCH_DNS := $(addprefix $(BUILD)/bench/dns/,serve bare publish upstream)
$(BENCH_DNS): $(BUILD)/bench/dns/%: $(BUILD)/bench/dns/%.o $(BUILD)/bench/dns/zonefill.o $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(BUILD)/bench/dns/zonefill.o $(ARCHIVES) $(OURLIBS)

# Beside a bare UDP responder, and NSD and Knot where they are installed (apt-get install dnsperf nsd knot).
bench-dns: deps
	$(Q)deploy/deps.sh bench
	$(Q)$(MAKE) $(BENCH_DNS)
	$(Q)bench/dns/run.py --tools $(BUILD)/bench/dns

# Beside unbound, knot-resolver and dnsmasq where they are installed (apt-get install unbound knot-resolver dnsmasq-base).
bench-dns-forward: deps
	$(Q)deploy/deps.sh bench
	$(Q)$(MAKE) all $(BENCH_DNS)
	$(Q)bench/dns/forward.py --tools $(BUILD)/bench/dns --program $(BUILD)/fairlead

# Ten minutes of upstream servers that fail at random, and one of silence.
bench-dns-faults: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(abspath $(BUILD)) bench/dns/faults.py

deps:
	$(Q)deploy/deps.sh

test: deps
	$(Q)$(MAKE) $(JOBS) check

# Programs of benches as well: so a change that they do not know of is found.
programs: $(BUILD)/fairlead $(UNIT_TESTS) $(HELPERS) $(FUZZERS) $(BENCH_DNS) $(BUILD)/bench/read $(BUILD)/bench/proxy_flows \
	$(BUILD)/bench/probes

check: programs
	$(Q)tests/run.py --build $(BUILD)

demo: deps
	$(Q)$(MAKE) $(JOBS) all
	$(Q)deploy/lab/demo.sh

lab: deps
	$(Q)$(MAKE) $(JOBS) all
	$(Q)deploy/lab/lab.sh up

lab-down:
	$(Q)deploy/lab/lab.sh down

# The steps of deploy/Dockerfile in chroots: needs a Debian mirror and some minutes.
test-image: deps
	$(Q)deploy/deps.sh image
	$(Q)tests/image.py

# The kernel tests under another kernel, in a virtual machine: tests/vm/run.py says what KERNEL may be. ONLY="proxy/ lifecycle/"
# takes some of them; all take half an hour where the processor is emulated.
KERNEL ?= linux-image-amd64
ONLY   ?= kernel/
test-kernel: deps
	$(Q)deploy/deps.sh kernel
	$(Q)$(MAKE) $(JOBS) programs
	$(Q)tests/vm/run.py --kernel $(KERNEL) -- tests/run.py --build $(BUILD) $(ONLY:%=--only %)

# Kernel side of the proxy: loads, commits, first packets.
$(BUILD)/bench/proxy_flows: $(BUILD)/bench/proxy_flows.o $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(ARCHIVES) $(OURLIBS)

bench-proxy: deps
	$(Q)$(MAKE) all $(BUILD)/bench/proxy_flows $(BUILD)/tests/kernel/nft_driver
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/proxy.py

bench-sync: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/sync.py

# Pods and selectors in manifests.
bench-pods: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/pods.py

# The worst that hostile objects do to other Services.
bench-hostile: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(abspath $(BUILD)) bench/hostile.py

# Repairs of what other programs change; a pause before each, so some minutes.
bench-drift: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/drift.py

# What reading conntrack costs: CPU of its thread, and how soon the table follows.
bench-conntrack: deps
	$(Q)$(MAKE) all $(BUILD)/tests/kernel/conntrack_fill
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/conntrack.py

# Manifests to objects and the last-known-good file, without kernel or DNS.
$(BUILD)/bench/read: $(BUILD)/bench/read.o $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(ARCHIVES) $(OURLIBS)

bench-read: deps
	$(Q)$(MAKE) $(BUILD)/bench/read
	$(Q)$(BUILD)/bench/read

# Each asking command beside 10 000 Services.
bench-commands: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(abspath $(BUILD)) bench/commands.py

bench-watch: deps
	$(Q)$(MAKE) all
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/watch.py

# The page to look at.
bench-page: deps
	$(Q)$(MAKE) all
	$(Q)bench/page.py

# Probes of 1 000 endpoints: what they cost, and how soon a result is in the kernel.
$(BUILD)/bench/probes: $(BUILD)/bench/probes.o $(ARCHIVES)
	@echo "  LINK    $@"
	$(Q)$(CC) $(LINKFLAGS) -o $@ $< $(ARCHIVES) $(OURLIBS)

bench-probes: deps
	$(Q)$(MAKE) all $(BUILD)/bench/probes
	$(Q)FAIRLEAD_BUILD=$(abspath $(BUILD)) bench/probes.py

# New flows to a service that shrinks and grows: 5 million take some minutes; FLOWS=200000 is quicker.
FLOWS ?= 5000000
bench-flows: deps
	$(Q)$(MAKE) all $(BUILD)/tests/kernel/flows_client $(BUILD)/tests/kernel/flows_server
	$(Q)FAIRLEAD_BUILD=$(BUILD) bench/flows.py --flows $(FLOWS)

lint: deps
	$(Q)deploy/deps.sh lint
	$(Q)tests/lint.sh

docs/%.svg: docs/%.dot
	dot -Tsvg $< >$@.new && mv $@.new $@

$(BUILD)/fairlead.8: $(BUILD)/fairlead docs/manpage.sh
	@echo "  MAN     $@"
	$(Q)docs/manpage.sh $(BUILD)/fairlead >$@.new && mv $@.new $@

# Also on a fresh machine: installs the packages to build with first.
install:
	$(Q)deploy/deps.sh build
	$(Q)$(MAKE) $(JOBS) $(BUILD)/fairlead
	$(Q)$(MAKE) install-files

# The flags that are there already stay.
install-files: $(BUILD)/fairlead $(BUILD)/fairlead.8
	install -D -m 0755 $(BUILD)/fairlead $(DESTDIR)$(PREFIX)/sbin/fairlead
	install -D -m 0644 $(BUILD)/fairlead.8 $(DESTDIR)$(PREFIX)/share/man/man8/fairlead.8
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(BUILD)/fairlead completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/fairlead
	$(BUILD)/fairlead completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_fairlead
	$(BUILD)/fairlead completion fish >$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/fairlead.fish
	install -d $(DESTDIR)$(UNITDIR) $(DESTDIR)/etc/default $(DESTDIR)/etc/fairlead
	sed 's,/usr/local/sbin,$(PREFIX)/sbin,' deploy/systemd/fairlead.service >$(DESTDIR)$(UNITDIR)/fairlead.service
	chmod 0644 $(DESTDIR)$(UNITDIR)/fairlead.service
	[ -e $(DESTDIR)/etc/default/fairlead ] || install -m 0644 deploy/systemd/fairlead.default $(DESTDIR)/etc/default/fairlead
	install -D -m 0644 deploy/systemd/fairlead-sysctl.conf $(DESTDIR)$(PREFIX)/share/doc/fairlead/fairlead-sysctl.conf

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/fairlead $(DESTDIR)$(PREFIX)/share/man/man8/fairlead.8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/fairlead \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_fairlead \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/fairlead.fish \
		$(DESTDIR)$(UNITDIR)/fairlead.service $(DESTDIR)$(PREFIX)/share/doc/fairlead/fairlead-sysctl.conf

clean:
	rm -rf build

-include $(OBJECTS:.o=.d) $(LABS:.o=.d) $(wildcard $(BUILD)/bench/*.d $(BUILD)/bench/dns/*.d) $(UNIT_TESTS:%=%.d) $(HELPERS:%=%.d) $(FUZZERS:%=%.d)
.SECONDARY:
