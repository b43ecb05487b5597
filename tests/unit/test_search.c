/* What stub resolvers ask, and what they make of the answers: recordings of the real ones (tests/vectors/dns.json). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/resolver/search.h"
#include "tests/unit/load.h"
#include "watch/decode/json.h"

#define QUERIES_MAX 64
#define QUERY_BYTES 300

struct queries {
	size_t count;
	char items[QUERIES_MAX][QUERY_BYTES];
};

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static size_t name_bytes(const char *query)
{
	return strcspn(query, " ");
}

/* The order of A and AAAA of one name means nothing. */
static void sort_within_names(struct queries *q)
{
	for (size_t from = 0, to; from < q->count; from = to) {
		for (to = from + 1; to < q->count && name_bytes(q->items[to]) == name_bytes(q->items[from]) &&
				    strncmp(q->items[to], q->items[from], name_bytes(q->items[from])) == 0;)
			to++;
		qsort(q->items[from], to - from, QUERY_BYTES, compare_texts);
	}
}

static enum outcome outcome_of(const char *word, bool tcp)
{
	static const struct {
		const char *word;
		enum outcome outcome;
	} words[] = {{"NODATA", OUTCOME_NODATA},   {"NXDOMAIN", OUTCOME_NXDOMAIN}, {"SERVFAIL", OUTCOME_SERVFAIL},
		     {"REFUSED", OUTCOME_REFUSED}, {"NOTIMP", OUTCOME_NOTIMP},	   {"TIMEOUT", OUTCOME_TIMEOUT},
		     {"LAME", OUTCOME_LAME}};

	if (strcmp(word, "TC") == 0)
		return tcp ? OUTCOME_DATA : OUTCOME_TRUNCATED;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i].word) == 0)
			return words[i].outcome;
	fail_msg("unknown outcome %s", word);
	return OUTCOME_NONE;
}

/* The recording's server: "owner TYPE", else "owner" of the zone, else NXDOMAIN. */
static enum outcome ask(const struct value *zone, const char *name, unsigned family, bool tcp)
{
	char owner[QUERY_BYTES + 8];
	const struct value *found;

	snprintf(owner, sizeof owner, "%s %s", name, family == 0 ? "A" : "AAAA");
	found = value_get(zone, owner);
	if (found == NULL)
		found = value_get(zone, name);
	if (found == NULL)
		return OUTCOME_NXDOMAIN;
	if (found->type != VALUE_LIST)
		return outcome_of(found->text, tcp);
	for (const struct value *address = found->first; address != NULL; address = address->next)
		if ((strchr(address->text, ':') != NULL) == (family == 1))
			return OUTCOME_DATA;
	return OUTCOME_NODATA;
}

static void send_round(struct search *s, const struct value *zone, struct queries *sent)
{
	enum outcome answers[SEARCH_FAMILIES] = {OUTCOME_NONE, OUTCOME_NONE};

	for (unsigned f = 0; f < SEARCH_FAMILIES; f++) {
		const char *name = s->names.names[s->at];
		if (!s->ask[f])
			continue;
		assert_in_range(sent->count, 0, QUERIES_MAX - 1);
		snprintf(sent->items[sent->count++], QUERY_BYTES, "%s %s%s", name, f == 0 ? "A" : "AAAA",
			 s->tcp[f] ? "/tcp" : "");
		answers[f] = ask(zone, name, f, s->tcp[f]);
	}
	search_answered(s, answers);
}

static const char *observed_error(const char *result)
{
	static const char *const words[] = {"EAI_NONAME",     "EAI_NODATA",
					    "EAI_AGAIN",      "ARES_ENOTFOUND",
					    "ARES_ESERVFAIL", "ARES_EREFUSED",
					    "ARES_ETIMEOUT",  "server misbehaving",
					    "no such host",   "no servers could be reached"};

	if (strstr(result, "does not implement") != NULL)
		return "ARES_ENOTIMP";
	if (result[0] == '\0')
		return "no answer"; /* dig +short */
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strstr(result, words[i]) != NULL)
			return words[i];
	return "";
}

static bool one_resolver(const struct value *row, enum resolver r, const struct value *observed)
{
	struct arena *arena = arena_new(4096);
	const char *file = value_get(row, "resolv_conf")->text;
	struct search_config config = search_config_read(arena, r, file, strlen(file));
	struct queries sent = {0}, wanted = {0};
	struct search s;
	bool good;

	search_start(&s, r, &config, search_names_make(arena, r, &config, value_get(row, "name")->text),
		     r == RESOLVER_DIG ? 1 : 2);
	while (s.result == SEARCH_OPEN)
		send_round(&s, value_get(row, "zone"), &sent);
	for (const struct value *q = value_get(observed, "queries")->first; q != NULL; q = q->next)
		snprintf(wanted.items[wanted.count++], QUERY_BYTES, "%s", q->text);
	sort_within_names(&sent);
	sort_within_names(&wanted);
	good = sent.count == wanted.count;
	for (size_t i = 0; good && i < sent.count; i++)
		good = strcmp(sent.items[i], wanted.items[i]) == 0;
	const char *error = observed_error(value_get(observed, "result")->text);
	if (!good || strcmp(search_error(&s), error) != 0) {
		print_error("%s, %s: %zu queries, error \"%s\"; the real one: %zu, \"%s\"\n",
			    value_get(row, "id")->text, resolver_name(r), sent.count, search_error(&s), wanted.count,
			    error);
		for (size_t i = 0; i < sent.count || i < wanted.count; i++)
			print_error("  %-60s %s\n", i < sent.count ? sent.items[i] : "",
				    i < wanted.count ? wanted.items[i] : "");
		good = false;
	}
	arena_free(arena);
	return good;
}

static void test_as_the_real_resolvers(void **state)
{
	static const char *const keys[] = {"glibc", "musl", "go", "cares", "dig"};
	struct arena *arena = arena_new(1 << 16);
	size_t length, error_at;
	char *text = read_text("../vectors/dns.json", &length);
	const struct value *root = json_parse(text, length, arena, &error_at);
	int bad = 0, count = 0;

	(void)state;
	assert_non_null(root);
	for (const struct value *row = value_get(value_get(root, "resolver_search"), "rows")->first; row != NULL;
	     row = row->next, count++)
		for (enum resolver r = 0; r < RESOLVER_COUNT; r++)
			bad += !one_resolver(row, r, value_get(value_get(row, "observed"), keys[r]));
	assert_int_equal(bad, 0);
	assert_int_equal(count, 38);
	free(text);
	arena_free(arena);
}

static void test_hostile_files(void **state)
{
	static const char file[] =
		"search\0. ..\n\nnameserver\noptions ndots: ndots:-1 ndots:99999999999999 attempts:0\n"
		"search a..b .x \n\r;x\n#\noptions";
	struct arena *arena = arena_new(4096);

	(void)state;
	for (enum resolver r = 0; r < RESOLVER_COUNT; r++)
		for (size_t length = 0; length < sizeof file; length++) {
			struct search_config c = search_config_read(arena, r, file, length);
			struct search_names names = search_names_make(arena, r, &c, "web");
			assert_true(c.attempts >= 1 && names.count >= 1 && names.as_is < names.count);
		}
	arena_free(arena);
}

static void test_names_that_are_too_long_are_left_out(void **state)
{
	struct arena *arena = arena_new(4096);
	char name[300], file[600];
	memset(name, 'a', 240);
	name[240] = '\0';

	(void)state;
	snprintf(file, sizeof file, "search short.test averyveryverylongsearchdomain.test\n");
	struct search_config c = search_config_read(arena, RESOLVER_GLIBC, file, strlen(file));
	struct search_names names = search_names_make(arena, RESOLVER_GLIBC, &c, name);
	assert_int_equal(names.count, 2);
	assert_int_equal(names.as_is, 1);
	memset(name, 'a', 299);
	name[299] = '\0';
	names = search_names_make(arena, RESOLVER_GLIBC, &c, name);
	assert_int_equal(names.count, 0);
	struct search s;
	search_start(&s, RESOLVER_GLIBC, &c, names, 2);
	assert_int_equal(s.result, SEARCH_NO_NAME);
	arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_the_real_resolvers),
		cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_names_that_are_too_long_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
