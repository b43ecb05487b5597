/* `fairlead services` and `fairlead endpoints`: the asking side. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/map.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/columns.h"
#include "daemon/control.h"

#define POLL_US 100000

enum { FORMAT_TEXT, FORMAT_WIDE, FORMAT_JSON };
static const char *const words[] = {[FORMAT_TEXT] = "text", [FORMAT_WIDE] = "wide", [FORMAT_JSON] = "json", NULL};
static int output;
static const char *ns;
static bool all, follow;
static const struct option options[] = {
	FLAG_CONTROL,
	FLAG_AT("n", OPTION_TEXT, ns, "NS", "of this namespace; NAME is then enough", .max_bytes = 63,
		.refuse = option_not_namespace),
	FLAG_AT("A", OPTION_BOOL, all, NULL, "of all namespaces (the default)"),
	FLAG_AT("w", OPTION_BOOL, follow, NULL, "then follow: every line that comes, changes or goes"),
	FLAG_AT("o", OPTION_CHOICE, output, "FORMAT", "text, wide or json", .initial = "text", .words = words),
	OPTIONS_END,
};

/* A word of the control socket: printable, without blanks. */
static bool is_word(const char *text)
{
	if (text[0] == '\0' || strlen(text) > CONTROL_REQUEST_BYTES / 2)
		return false;
	for (; *text != '\0'; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

static bool complain(const char *command, const char *what, const char *why)
{
	fprintf(stderr, "fairlead %s: %s: %s\n", command, what, why);
	return false;
}

/* "NS/NAME", "NS" or "" as the daemon is asked. False: what was said makes no sense. */
static bool which_of(struct config *c, const char *command, const char *argument, const char **which)
{
	*which = argument != NULL ? argument : ns != NULL ? ns : "";
	if (ns != NULL && all)
		return complain(command, "-A", "-n names one namespace: give one of them");
	if (argument != NULL && !is_word(argument))
		return complain(command, argument, "is not a name");
	if (follow && output == FORMAT_JSON)
		return complain(command, "-w", "follows tables; ask for JSON again instead");
	if (ns == NULL || argument == NULL)
		return true;
	if (strchr(argument, '/') != NULL)
		return complain(command, argument, "-n has the namespace already: must be NAME");
	*which = arena_printf(c->arena, "%s/%s", ns, argument);
	return true;
}

/* ---- following ---- */

struct follower {
	struct config *config;
	const char *command, *request;
	struct columns columns;
	struct map lines; /* of the last answer: texts */
};

static void lines_forget(struct map *lines)
{
	size_t at = 0;
	char *line;

	while ((line = map_next(lines, &at)) != NULL)
		free(line);
	map_fini(lines);
}

/* The header, and lines that are no rows, are not followed. */
static struct map lines_of(const char *text)
{
	struct map lines = {0};

	text += strcspn(text, "\n");
	while (*text == '\n' && text[1] != '\0') {
		size_t bytes = strcspn(++text, "\n");
		char *line = mem_alloc(bytes + 1);
		memcpy(line, text, bytes);
		free(map_put_str(&lines, line, line));
		text += bytes;
	}
	return lines;
}

/* How much of a line says which row it is: namespace, name, and two columns more. */
static size_t row_bytes(const char *line)
{
	const char *at = line;

	for (unsigned ends = 0; *at != '\0' && ends < 4; at++)
		ends += *at == '|';
	return (size_t)(at - line);
}

/* Keys are parts of the lines. */
static struct map rows_of(const struct map *lines)
{
	struct map rows = {0};
	size_t at = 0;
	char *line;

	while ((line = map_next(lines, &at)) != NULL)
		map_put(&rows, line, row_bytes(line), line);
	return rows;
}

/* Lines that are new, in the order of the answer; then those whose rows are gone. */
static void print_changes(struct follower *f, const char *text)
{
	struct map now = lines_of(text), rows = rows_of(&now);
	struct buf one = {0};
	const char *line;
	size_t at = 0;

	columns_measure(&f->columns, text);
	for (text += strcspn(text, "\n"); *text == '\n' && text[1] != '\0'; text += 1 + one.length_bytes) {
		buf_clear(&one);
		buf_add(&one, text + 1, strcspn(text + 1, "\n"));
		if (map_get_str(&f->lines, one.data) == NULL)
			columns_line(&f->columns, one.data, stdout);
	}
	while ((line = map_next(&f->lines, &at)) != NULL) {
		if (map_get(&rows, line, row_bytes(line)) != NULL)
			continue;
		buf_clear(&one);
		buf_printf(&one, "%s (gone)", line);
		columns_line(&f->columns, one.data, stdout);
	}
	fflush(stdout);
	buf_fini(&one);
	map_fini(&rows);
	lines_forget(&f->lines);
	f->lines = now;
}

static int complain_body(const char *command, const struct buf *body, int code)
{
	fprintf(stderr, "fairlead %s: %s", command, body->length_bytes != 0 ? body->data : "refused\n");
	return code;
}

/* Until the daemon stops, or the output is closed. */
static int follow_on(struct follower *f, struct buf *body)
{
	struct buf number = {0}, last = {0};
	int code = EXIT_YES;

	while (code == EXIT_YES && !ferror(stdout)) {
		usleep(POLL_US);
		code = cli_ask(f->config->control, "changes", &number);
		if (code != EXIT_YES || buf_equal(&number, &last))
			continue;
		int answer = cli_ask(f->config->control, f->request, body);
		if (answer == EXIT_NO_DAEMON)
			code = answer;
		else
			print_changes(f, answer == EXIT_YES ? body->data : "\n"); /* EXIT_NO: there is none now */
		buf_clear(&last);
		buf_add(&last, number.data, number.length_bytes);
	}
	code = code == EXIT_YES ? code : complain_body(f->command, &number, code);
	buf_fini(&number);
	buf_fini(&last);
	return code;
}

/* ---- asking ---- */

static void print_answer(struct follower *f, const struct buf *body)
{
	if (output == FORMAT_JSON)
		fwrite(body->data, 1, body->length_bytes, stdout);
	else
		columns_print(&f->columns, body->data, stdout);
	if (!follow)
		return;
	fflush(stdout);
	f->lines = lines_of(body->data);
}

static int ask(struct config *c, const char *command, const char *argument)
{
	struct buf request = {0}, body = {0};
	const char *which;

	if (!which_of(c, command, argument, &which))
		return EXIT_USAGE;
	buf_printf(&request, "%s %s%s %s", command, words[output], follow ? "-uncounted" : "", which);
	struct follower f = {.config = c, .command = command, .request = request.data};
	int code = cli_ask(c->control, request.data, &body);
	if (code != EXIT_YES) {
		complain_body(command, &body, code);
	} else {
		print_answer(&f, &body);
		code = follow ? follow_on(&f, &body) : code;
	}
	lines_forget(&f.lines);
	buf_fini(&request);
	buf_fini(&body);
	return code;
}

static int services(struct config *c, int argc, char **argv)
{
	return ask(c, "services", argc > 0 ? argv[0] : NULL);
}

const struct command cli_services = {.name = "services",
				     .options = options,
				     .arguments = "[NS[/NAME]]",
				     .arguments_min = 0,
				     .arguments_max = 1,
				     .summary = "what is programmed: frontends, policy, connections",
				     .run = services};

static int endpoints(struct config *c, int argc, char **argv)
{
	return ask(c, "endpoints", argc > 0 ? argv[0] : NULL);
}

const struct command cli_endpoints = {.name = "endpoints",
				      .options = options,
				      .arguments = "[NS[/NAME]]",
				      .arguments_min = 0,
				      .arguments_max = 1,
				      .summary = "every endpoint of every slice: used, or why not",
				      .run = endpoints};
