# pg_consent: build, install, demonstrate, test.
#
#   make demo         everything on a fresh Debian machine, then look around with psql
#   make test         the whole test suite in a server of its own
#   make fuzz         any text, address, reply, token, pattern, condition and message, for a while (SECONDS_EACH)
#   make score        how well classification does on labelled messages
#   make reference    docs/reference.md from the COMMENTs
#   make model        learns the classifier's model again from the sentences of test/corpus
#   make test-matrix  the same against PostgreSQL 15, 17 and 18 (as root)
#   make, make install, make installcheck: the ordinary PGXS way

.DEFAULT_GOAL := all

SRCROOT := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))
EXTENSION = pg_consent
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(SRCROOT)/pg_consent.control)
MODULE_big = pg_consent
PGFILEDESC = "pg_consent - marketing consent, enforced in the database"

# The rooms of src/README.md, lowest first: a room calls only rooms above it.
OBJS = \
	src/module/module.o \
	src/module/shmem.o \
	src/module/words.o \
	src/contact/contact.o \
	src/contact/parse.o \
	src/contact/email.o \
	src/contact/phone.o \
	src/text/text.o \
	src/text/show.o \
	src/text/fold.o \
	src/text/lexicon.o \
	src/text/respell.o \
	src/text/line.o \
	src/text/sentence.o \
	src/text/url.o \
	src/text/mime.o \
	src/text/html.o \
	src/classify/pattern.o \
	src/classify/literal.o \
	src/classify/prefilter.o \
	src/classify/rows.o \
	src/classify/ruleset.o \
	src/classify/meta.o \
	src/classify/ruleset_build.o \
	src/classify/ruleset_store.o \
	src/classify/ruleset_share.o \
	src/classify/matcher.o \
	src/classify/rule.o \
	src/classify/features.o \
	src/classify/overview.o \
	src/classify/model.o \
	src/classify/findings.o \
	src/classify/language.o \
	src/classify/weigh.o \
	src/classify/decide.o \
	src/classify/classify.o \
	src/decision/reasons.o \
	src/decision/fold.o \
	src/decision/permission.o \
	src/decision/evaluate.o \
	src/ledger/relation.o \
	src/ledger/vocabulary.o \
	src/ledger/policy.o \
	src/ledger/calendar.o \
	src/ledger/digest.o \
	src/ledger/erasure.o \
	src/ledger/filter.o \
	src/ledger/link.o \
	src/ledger/wording.o \
	src/ledger/record.o \
	src/ledger/world.o \
	src/ledger/sent.o \
	src/ledger/reader.o \
	src/ledger/ledger.o \
	src/ledger/newcomer.o \
	src/ledger/apply.o \
	src/ledger/seal.o \
	src/ledger/judge.o \
	src/ledger/plan.o \
	src/ledger/contact_table.o \
	src/ledger/join.o \
	src/person/reply_text.o \
	src/person/reply.o \
	src/person/token.o \
	src/guard/mapping.o \
	src/guard/setup.o \
	src/guard/adapter.o \
	src/guard/debt.o \
	src/guard/gate.o \
	src/guard/sweep.o \
	src/guard/guard.o \
	src/guard/ahead.o \
	src/guard/divert.o \
	src/guard/log.o \
	src/guard/action.o \
	src/guard/trigger.o \
	src/guard/health.o \
	src/guard/cleared.o \
	src/guard/counters.o \
	src/guard/cache.o \
	src/report/verdict.o \
	src/report/defects.o \
	src/report/tally.o \
	src/report/distinct.o \
	src/report/roaring.o \
	src/report/audience.o \
	src/report/audience_scan.o

# libphonenumber costs a backend time and memory, so it has a shared library of
# its own, opened by the first backend that needs it.
PHONE_LIB = pg_consent_phone
PHONE_OBJS = \
	src/contact/phone_module.o \
	src/contact/phone_lib.o

# So does gmime.
MIME_LIB = pg_consent_mime
MIME_OBJS = \
	src/text/mime_module.o \
	src/text/ical.o \
	src/text/mime_lib.o
MIME_CFLAGS = $(shell pkg-config --cflags gmime-3.0)
MIME_LIBS = $(shell pkg-config --libs gmime-3.0)

# And CRoaring, which only audiences need.
ROARING_LIB = pg_consent_roaring
ROARING_OBJS = src/report/roaring_lib.o

# The install script is these files, in this order.
SQL_PARTS = \
	src/module/module.sql \
	src/module/words.sql \
	src/contact/contact.sql \
	src/text/text.sql \
	src/classify/rule.sql \
	src/classify/rules.sql \
	src/classify/classify.sql \
	src/decision/decision.sql \
	src/ledger/calendar.sql \
	src/ledger/vocabulary.sql \
	src/ledger/ledger.sql \
	src/ledger/wording.sql \
	src/ledger/standing.sql \
	src/ledger/link.sql \
	src/ledger/erasure.sql \
	src/ledger/filter.sql \
	src/ledger/world.sql \
	src/ledger/policy.sql \
	src/ledger/seal.sql \
	src/ledger/judge.sql \
	src/person/reply.sql \
	src/person/stop_words.sql \
	src/person/token.sql \
	src/person/history.sql \
	src/guard/log.sql \
	src/guard/guard.sql \
	src/guard/health.sql \
	src/guard/adapter.sql \
	src/report/verdict.sql \
	src/report/audience.sql \
	src/report/views.sql \
	src/report/imports.sql \
	src/report/exposure.sql \
	src/report/report.sql \
	src/report/subject_access.sql \
	src/module/roles.sql

DATA = src/classify/pg_consent.model \
	$(patsubst $(SRCROOT)/%,%,$(wildcard $(SRCROOT)/src/upgrade/*--*--*.sql))
# The install scripts of versions before are kept as they were, to upgrade from.
FORMER = $(patsubst $(SRCROOT)/src/upgrade/%.gz,%,$(wildcard $(SRCROOT)/src/upgrade/*.sql.gz))
DATA_built = pg_consent--$(EXTVERSION).sql $(FORMER)

# What SQL calls is exported, and nothing else, as PGXS has it from PostgreSQL 16
# on: calls within the library are direct, and it is opened sooner.
PG_CPPFLAGS = -I$(SRCROOT)/src -fvisibility=hidden '-DPGDLLEXPORT=__attribute__((visibility("default")))'
# libcrypto is there if the server was built with it.
SHLIB_LINK = -lpcre2-8 -lidn2 -lunistring $(filter -lcrypto,$(LIBS))

REGRESS = module words contact text mime classify ledger seal decision law policy contact_join erasure person guard guard_actions guard_ahead guard_health guard_sweep adapter queues \
	report views exposure audience audience_scan subject_access \
	roles
REGRESS_OPTS = --inputdir=$(SRCROOT) --load-extension=pg_consent --encoding=UTF8
ISOLATION = ruleset_change guard_withdrawal_rc guard_withdrawal_rr guard_withdrawal_ser guard_claim guard_gate guard_flag guard_notes guard_link guard_link_both guard_prepared guard_sweep guard_debt guard_verify guard_moved guard_ways guard_temp guard_ahead guard_ahead_ways vocabulary policy standing erasure load numbers seal unsubscribe unsubscribe_mint guard_bulk guard_bulk_link audience_scan contact_join
ISOLATION_OPTS = --inputdir=$(SRCROOT)/test/isolation --load-extension=pg_consent --encoding=UTF8

EXTRA_CLEAN = $(DATA_built) output_iso .built-for $(PHONE_LIB)$(DLSUFFIX) $(PHONE_OBJS) \
	$(MIME_LIB)$(DLSUFFIX) $(MIME_OBJS) \
	$(ROARING_LIB)$(DLSUFFIX) $(ROARING_OBJS)

# These install what they need, so they must work before pg_config exists.
.PHONY: demo demo-stop test test-matrix bench-contact bench-consent bench-person bench-classify bench-audience bench-views bench-guard fuzz score model reference
demo demo-stop test test-matrix bench-contact bench-consent bench-person bench-classify bench-audience bench-views bench-guard fuzz score model reference: export PG_CONFIG := $(PG_CONFIG)
demo:
	$(SRCROOT)/test/demo/demo start
demo-stop:
	$(SRCROOT)/test/demo/demo stop
test:
	$(SRCROOT)/test/run
test-matrix:
	$(SRCROOT)/test/matrix
bench-consent:
	$(SRCROOT)/test/bench/consent
bench-classify:
	$(SRCROOT)/test/bench/classify
bench-contact:
	$(SRCROOT)/test/bench/contact
bench-audience:
	$(SRCROOT)/test/bench/audience
bench-views:
	$(SRCROOT)/test/bench/views
bench-person:
	$(SRCROOT)/test/bench/person
bench-guard:
	$(SRCROOT)/test/bench/guard
fuzz:
	$(SRCROOT)/test/fuzz/run
score:
	$(SRCROOT)/test/score
reference:
	$(SRCROOT)/test/reference
model:
	$(SRCROOT)/test/setup
	$(SRCROOT)/test/train/model

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifeq ($(PGXS),)
all install installcheck clean:
	@echo "pg_consent: $(PG_CONFIG) or the server's development files are missing; 'test/setup' installs them on Debian" >&2
	@exit 1
else
include $(PGXS)

pg_consent--$(EXTVERSION).sql: $(addprefix $(SRCROOT)/,$(SQL_PARTS)) $(SRCROOT)/Makefile
	cat $(addprefix $(SRCROOT)/,$(SQL_PARTS)) > $@
$(FORMER): %: $(SRCROOT)/src/upgrade/%.gz
	gunzip -c $< > $@

# PGXS builds one MODULE_big; these are others, by the same means.
SIDE_LIBS = $(PHONE_LIB)$(DLSUFFIX) $(MIME_LIB)$(DLSUFFIX) $(ROARING_LIB)$(DLSUFFIX)
all: $(SIDE_LIBS)
$(PHONE_LIB)$(DLSUFFIX): $(PHONE_OBJS)
	$(LINK.shared) -o $@ $(PHONE_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -lphonenumber -lstdc++
$(MIME_LIB)$(DLSUFFIX): $(MIME_OBJS)
	$(LINK.shared) -o $@ $(MIME_OBJS) $(LDFLAGS) $(LDFLAGS_SL) $(MIME_LIBS)
$(ROARING_LIB)$(DLSUFFIX): $(ROARING_OBJS)
	$(LINK.shared) -o $@ $(ROARING_OBJS) $(LDFLAGS) $(LDFLAGS_SL) -lroaring
$(MIME_OBJS): CFLAGS += $(MIME_CFLAGS)
$(MIME_OBJS:.o=.bc): BITCODE_CFLAGS += $(MIME_CFLAGS)

install: install-side
uninstall: uninstall-side
.PHONY: install-side uninstall-side
install-side: $(SIDE_LIBS) installdirs
	$(INSTALL_SHLIB) $(SIDE_LIBS) '$(DESTDIR)$(pkglibdir)/'
uninstall-side:
	rm -f $(addprefix '$(DESTDIR)$(pkglibdir)'/,$(SIDE_LIBS))

# A VPATH build has none of the rooms' folders yet.
$(shell mkdir -p $(dir $(OBJS) $(PHONE_OBJS) $(MIME_OBJS)))

# Objects depend on every header: they are few, and a stale object is worse.
$(OBJS) $(PHONE_OBJS) $(MIME_OBJS) $(ROARING_OBJS): $(wildcard $(SRCROOT)/src/*/*.h)
endif
