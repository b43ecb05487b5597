/* Parses the command line by the table of options. */
#include "daemon/options.h"

#include <string.h>

#include "base/text.h"

#define HELP_COLUMN 36

static const struct option *options_find(const struct option *table, const char *name, size_t length)
{
	for (const struct option *o = table; o->name != NULL; o++)
		if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
			return o;
	return NULL;
}

const char *option_dashes(const struct option *o)
{
	return strlen(o->name) == 1 ? "-" : "--";
}

static void set_defaults(struct config *c, const struct option *table)
{
	for (const struct option *o = table; o->name != NULL; o++)
		if (o->initial != NULL)
			option_set(o, c, o->initial);
}

/* `name` has no dashes; more than two mistakes, or as many as letters, are another word. */
static const struct option *options_nearest(const struct option *table, const char *name)
{
	const struct option *nearest = NULL;
	size_t most = strlen(name) > 3 ? 2 : 0;

	for (const struct option *o = table; o->name != NULL; o++) {
		size_t distance = text_distance(o->name, name, most);
		if (distance <= most && (nearest == NULL || distance < most)) {
			nearest = o;
			most = distance;
		}
	}
	return nearest;
}

static void unknown_flag(const struct option *table, const char *flag, size_t length, char error[ERROR_BYTES])
{
	char name[64];
	size_t skip = strspn(flag, "-");

	snprintf(name, sizeof name, "%.*s", (int)(length - skip), flag + skip);
	const struct option *meant = options_nearest(table, name);
	int n = snprintf(error, ERROR_BYTES, "%.*s: unknown flag", (int)length, flag);
	if (meant != NULL && n > 0 && n < ERROR_BYTES)
		snprintf(error + n, ERROR_BYTES - (size_t)n, "; did you mean %s%s?", option_dashes(meant), meant->name);
}

/* One flag at argv[0], its value inside or in argv[1]. Returns how many arguments it took, 0 on error. */
static int parse_flag(struct config *c, const struct option *table, int argc, char **argv, char error[ERROR_BYTES])
{
	const char *name = argv[0] + (strncmp(argv[0], "--", 2) == 0 ? 2 : 1);
	size_t length = strcspn(name, "=");
	const struct option *o = options_find(table, name, length);
	const char *value = name[length] == '=' ? name + length + 1 : NULL;
	int took = 1;

	if (o == NULL || (size_t)(name - argv[0]) != strlen(option_dashes(o))) {
		unknown_flag(table, argv[0], (size_t)(name - argv[0]) + length, error);
		return 0;
	}
	if (value == NULL && o->kind == OPTION_BOOL)
		value = "true";
	if (value == NULL && argc > 1) {
		value = argv[1];
		took = 2;
	}
	if (value == NULL) {
		snprintf(error, ERROR_BYTES, "%s%s: needs %s", option_dashes(o), o->name, o->value);
		return 0;
	}
	const char *why = option_set(o, c, value);
	if (why == NULL)
		return took;
	int n = snprintf(error, ERROR_BYTES, "%s%s %.200s: %s", option_dashes(o), o->name, value, why);
	if (o->kind == OPTION_NUMBER)
		snprintf(error + n, ERROR_BYTES - (size_t)n, " (%lld to %lld)", (long long)o->min, (long long)o->max);
	for (int i = 0; o->kind == OPTION_CHOICE && o->words[i] != NULL; i++)
		n += snprintf(error + n, ERROR_BYTES - (size_t)n, "%s%s", i == 0 ? " (" : ", ", o->words[i]);
	if (o->kind == OPTION_CHOICE)
		snprintf(error + n, ERROR_BYTES - (size_t)n, ")");
	return 0;
}

bool options_parse(struct config *c, const struct option *table, int argc, char **argv, int *rest,
		   char error[ERROR_BYTES])
{
	bool flags_end = false;

	*rest = 0;
	set_defaults(c, table);
	for (int i = 0; i < argc;) {
		if (flags_end || argv[i][0] != '-' || argv[i][1] == '\0') {
			argv[(*rest)++] = argv[i++];
		} else if (strcmp(argv[i], "--") == 0) {
			flags_end = true;
			i++;
		} else {
			int took = parse_flag(c, table, argc - i, argv + i, error);
			if (took == 0)
				return false;
			i += took;
		}
	}
	return true;
}

void options_help(FILE *out, const struct option *table)
{
	for (const struct option *o = table; o->name != NULL; o++) {
		int n = fprintf(out, "  %s%s%s%s", option_dashes(o), o->name, o->value != NULL ? " " : "",
				o->value != NULL ? o->value : "");
		fprintf(out, "%*s%s", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "", o->help);
		if (o->initial != NULL)
			fprintf(out, " (default %s)", o->initial);
		fputc('\n', out);
	}
}
