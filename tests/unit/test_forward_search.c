/* The steps of a pod's search list outside the cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/forward/search_steps.h"

static struct forward_plan plan = {.count = 1};
static struct search_domains domains;

struct step {
	const char *ask; /* "name TYPE" that is asked for next, or how it ends */
	uint16_t rcode, answers;
};

static void domains_set(const char *const *names)
{
	domains.count = 0;
	for (; *names != NULL; names++)
		assert_true(name_parse(&domains.items[domains.count++], *names));
}

static const char *text_of(enum search_verdict v, const struct search_state *s, const struct name *target,
			   unsigned type)
{
	static char line[NAME_TEXT_BYTES + 16];
	char text[NAME_TEXT_BYTES];

	name_format(target->wire, text);
	if (v == SEARCH_ASK)
		snprintf(line, sizeof line, "%s %u", text, search_type(s, type));
	else if (v == SEARCH_FOUND)
		snprintf(line, sizeof line, "found %s", text);
	else
		snprintf(line, sizeof line, "%s", v == SEARCH_MISSING ? "missing" : "failed");
	return line;
}

/* asked: the client's name, its own part `labels` long. The last row is the end. */
static void walk(const char *asked, unsigned labels, unsigned type, const struct step *steps)
{
	struct search_state s = {.labels = (uint8_t)labels};
	struct query q = {.type = (uint16_t)type};
	struct name target;
	enum search_verdict v = SEARCH_ASK;

	assert_true(name_parse(&q.name, asked));
	if (!search_begin(&s, &plan, &domains, &q.name, &target))
		v = SEARCH_MISSING;
	for (;; steps++) {
		assert_string_equal(text_of(v, &s, &target, type), steps->ask);
		if (v != SEARCH_ASK)
			return;
		const struct records got = {.rcode = steps->rcode, .answers = steps->answers};
		v = search_next(&s, &plan, &domains, &q, &got, &target);
	}
}

#define WALK(asked, labels, type, ...) walk(asked, labels, type, (const struct step[]){__VA_ARGS__})
#define NX RCODE_NXDOMAIN
#define ASKED "b.c.ns.svc.cluster.local" /* for b.c */

/* CoreDNS's TestAutoPath: does not exist, fails, exists. */
static void the_first_that_exists(void **state)
{
	(void)state;
	domains_set((const char *const[]){"example.org", "example.com", "com", NULL});
	WALK(ASKED, 2, TYPE_A, {"b.c.example.org. 1", NX, 0}, {"b.c.example.com. 1", RCODE_SERVFAIL, 0},
	     {"b.c.com. 1", 0, 1}, {.ask = "found b.c.com."});
	WALK(ASKED, 1, TYPE_A, {"b.example.org. 1", NX, 0}, {"b.example.com. 1", NX, 0}, {"b.com. 1", NX, 0},
	     {"b. 1", 0, 1}, {.ask = "found b."});
}

static void the_end(void **state)
{
	(void)state;
	domains_set((const char *const[]){"example.org", NULL});
	WALK(ASKED, 2, TYPE_AAAA, {"b.c.example.org. 28", NX, 0}, {"b.c. 28", NX, 0}, {.ask = "missing"});
	WALK(ASKED, 2, TYPE_AAAA, {"b.c.example.org. 28", RCODE_SERVFAIL, 0}, {"b.c. 28", NX, 0}, {.ask = "failed"});
	WALK(ASKED, 2, TYPE_AAAA, {"b.c.example.org. 28", NX, 0}, {"b.c. 28", RCODE_SERVFAIL, 0}, {.ask = "failed"});
	WALK(ASKED, 2, TYPE_AAAA, {"b.c.example.org. 28", NX, 0}, {"b.c. 28", 0, 0}, {.ask = "found b.c."});
}

/* All types of a name lead to the same place. */
static void names_without_such_a_record(void **state)
{
	(void)state;
	domains_set((const char *const[]){"example.org", NULL});
	WALK(ASKED, 2, TYPE_A, {"b.c.example.org. 1", 0, 0}, {"b.c.example.org. 28", 0, 1},
	     {"b.c.example.org. 1", 0, 0}, {.ask = "found b.c.example.org."});
	WALK(ASKED, 2, TYPE_AAAA, {"b.c.example.org. 28", 0, 0}, {"b.c.example.org. 1", 0, 0}, {"b.c. 28", 0, 1},
	     {.ask = "found b.c."});
	WALK(ASKED, 2, TYPE_HTTPS, {"b.c.example.org. 65", 0, 0}, {"b.c.example.org. 1", 0, 0},
	     {"b.c.example.org. 28", 0, 2}, {"b.c.example.org. 65", 0, 0}, {.ask = "found b.c.example.org."});
	WALK(ASKED, 2, TYPE_HTTPS, {"b.c.example.org. 65", 0, 0}, {"b.c.example.org. 1", 0, 0},
	     {"b.c.example.org. 28", 0, 0}, {"b.c. 65", 0, 1}, {.ask = "found b.c."});
	WALK(ASKED, 2, TYPE_A, {"b.c.example.org. 1", 0, 0}, {"b.c.example.org. 28", RCODE_SERVFAIL, 0},
	     {"b.c. 1", NX, 0}, {.ask = "failed"});
}

static void names_that_no_server_is_there_for(void **state)
{
	struct stub stub = {.count = 1};

	(void)state;
	domains_set((const char *const[]){"home.arpa", "corp.example", NULL});
	WALK("nas.ns.svc.cluster.local", 1, TYPE_A, {"nas.corp.example. 1", NX, 0}, {"nas. 1", NX, 0},
	     {.ask = "missing"});
	WALK("localhost.ns.svc.cluster.local", 1, TYPE_A, {"localhost.corp.example. 1", NX, 0}, {.ask = "missing"});
	plan = (struct forward_plan){.stub_count = 1, .stubs = &stub};
	assert_true(name_parse(&stub.zone, "home.arpa"));
	WALK("nas.ns.svc.cluster.local", 1, TYPE_A, {"nas.home.arpa. 1", NX, 0}, {.ask = "missing"});
	plan = (struct forward_plan){0};
	WALK("nas.ns.svc.cluster.local", 1, TYPE_A, {.ask = "missing"});
	plan = (struct forward_plan){.count = 1};
}

static void names_that_are_too_long(void **state)
{
	static const char label[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	char asked[NAME_TEXT_BYTES], first[NAME_TEXT_BYTES];

	(void)state;
	domains_set((const char *const[]){"a-domain-that-is-longer-than-those-of-the-cluster.example", NULL});
	snprintf(asked, sizeof asked, "%s.%s.%s.%s.ns.svc.cluster.local", label, label, label, label);
	snprintf(first, sizeof first, "%s.%s.%s.%s. 1", label, label, label, label);
	WALK(asked, 4, TYPE_A, {first, NX, 0}, {.ask = "missing"});
}

static void domains_of_a_file(void **state)
{
	static const char text[] = "nameserver 10.0.0.1\nsearch Corp.example . svc.cluster.local a..b two.example\n";
	struct name to[SEARCH_DOMAINS_MAX], own;
	char line[NAME_TEXT_BYTES];

	(void)state;
	assert_true(name_parse(&own, "cluster.local"));
	assert_int_equal(plan_read_searches(text, sizeof text - 1, &own, to), 2);
	assert_string_equal(name_format(to[0].wire, line), "corp.example.");
	assert_string_equal(name_format(to[1].wire, line), "two.example.");
	assert_int_equal(plan_read_searches("", 0, &own, to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_exists),       cmocka_unit_test(the_end),
		cmocka_unit_test(names_without_such_a_record), cmocka_unit_test(names_that_no_server_is_there_for),
		cmocka_unit_test(names_that_are_too_long),     cmocka_unit_test(domains_of_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
