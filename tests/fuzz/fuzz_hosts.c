/*
 * Any text as a hosts file. What was read is found again by name and by address, and a name that stands above another
 * one exists. The text comes once and many times over, each % in it a number then: the work grows with the bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "dns/zone/hosts.h"
#include "tests/fuzz/cost_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LONG_BYTES ((size_t)128 << 10)
#define BYTE_NS 2000 /* with sanitizers; 100 without */
#define LINE_BYTES 512

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Every word that is a name and was taken is found, and so is what is above it. */
static void ask(const struct static_names *names, const struct text *text)
{
	struct static_found found;
	struct addr a;

	for (size_t i = 0; i + 1 < text->length && i < LINE_BYTES; i++) {
		char word[LINE_BYTES] = "";
		struct name name, first;
		memcpy(word, text->bytes + i, text->length - i < 64 ? text->length - i : 64);
		word[strcspn(word, " \t\r\n\f\v#")] = '\0';
		if (!name_parse(&name, word) || name.labels == 0 || !static_names_find(names, &name, &found))
			continue;
		for (size_t k = 0; k < found.count; k++) {
			a = found.items[k].addr;
			must(!addr_is_loopback(&a));
			must(addr_is_wildcard(&a) != static_names_of(names, &a, &first));
			must(addr_is_wildcard(&a) || static_names_find(names, &first, &found));
		}
		size_t at = name.label_at[1];
		if (name.labels > 1 && name_read(&first, name.wire, name.length, &at))
			must(static_names_find(names, &first, &found));
	}
}

static void read_and_ask(void *ctx)
{
	const struct text *text = ctx;
	struct hosts_report report;
	char line[LINE_BYTES];
	struct name domain;

	must(name_parse(&domain, "cluster.local"));
	struct static_names *names = hosts_parse(text->bytes, text->length, &domain, &report);
	must((names == NULL) == (report.refused != NULL));
	for (int i = 0; i < HOSTS_PROBLEMS; i++)
		if (hosts_problem_format(&report, (enum hosts_problem_kind)i, line, sizeof line))
			must(strchr(line, '\n') == NULL && strlen(line) + 1 < sizeof line);
	if (names != NULL) {
		must(static_names_count(names) <= HOSTS_NAMES_MAX);
		ask(names, text);
	}
	static_names_free(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cost_of_text(read_and_ask, data, size, LONG_BYTES, BYTE_NS);
	return 0;
}
