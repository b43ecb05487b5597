/* `fairlead check`: reads manifests as the daemon would and reports their problems, and what will go wrong with them.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/check_objects.h"
#include "cli/cli.h"
#include "watch/manifest/manifest.h"

static int output;
static bool strict;
static const struct option options[] = {FLAG_OUTPUT(output),
					FLAG_AT("strict", OPTION_BOOL, strict, NULL, "warnings fail, too"),
					FLAGS_ALLOCATION, FLAG_EXEC_PROBES, OPTIONS_END};

struct checking {
	struct checked objects;
	struct manifest_counts counts;
	size_t compared; /* problems of objects with each other */
	struct buf text;
	struct json json;
};

static void problem_json(struct json *j, const char *file, const struct decode_problem *p)
{
	json_object(j, NULL);
	json_string(j, "file", file);
	json_number(j, "line", p->line);
	json_string(j, "kind", p->kind);
	json_string(j, "namespace", p->ns);
	json_string(j, "name", p->name);
	json_string(j, "field", p->field);
	json_string(j, "reason", p->reason);
	json_string(j, "severity", p->refused ? "error" : "warning");
	json_number(j, "more", (int64_t)p->more);
	json_end(j);
}

static void on_problem(void *ctx, const char *file, const struct decode_problem *p)
{
	struct checking *c = ctx;

	if (output == OUTPUT_JSON)
		problem_json(&c->json, file, p);
	else
		manifest_problem_print(stdout, file, p);
}

static void on_object(void *ctx, struct object *o, const char *file, uint32_t line)
{
	checked_add(&((struct checking *)ctx)->objects, o, file, line);
}

static void on_compared(void *ctx, const char *file, const struct decode_problem *p)
{
	struct checking *c = ctx;

	c->compared++;
	c->counts.refused += p->refused;
	on_problem(ctx, file, p);
}

/* Standard input as a file that can be read like the others. -1: a line said why. */
static int stdin_file(void)
{
	char bytes[65536];
	size_t n;
	/* A closed one would be the file itself. */
	int fd = fcntl(STDIN_FILENO, F_GETFD) < 0 ? -1 : memfd_create("stdin", MFD_CLOEXEC);

	while (fd >= 0 && (n = fread(bytes, 1, sizeof bytes, stdin)) != 0)
		if (write(fd, bytes, n) != (ssize_t)n) {
			close(fd);
			fd = -1;
		}
	if (fd >= 0 && ferror(stdin)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		perror("fairlead check: standard input");
	return fd;
}

static bool check_path(struct checking *c, const char *path)
{
	const struct manifest_checker checker = {c, on_problem, on_object};
	char name[64];
	bool readable;
	int fd;

	if (strcmp(path, "-") != 0)
		return manifest_check(path, NULL, &checker, &c->counts);
	if ((fd = stdin_file()) < 0)
		return false;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	readable = manifest_check(name, "-", &checker, &c->counts);
	close(fd);
	return readable;
}

static void print_end(struct checking *c, bool good)
{
	const struct manifest_counts *n = &c->counts;

	if (output == OUTPUT_JSON) {
		json_end(&c->json);
		fwrite(c->text.data, 1, c->text.length_bytes, stdout);
		putchar('\n');
		return;
	}
	if (c->objects.too_many)
		printf("more than %d objects: not compared with each other\n", CHECK_OBJECTS_MAX);
	if (good)
		printf("%zu files, %zu documents, %zu objects: good\n", n->files, n->documents, n->objects);
}

static int check(struct config *config, int argc, char **argv)
{
	struct checking c = {0};
	char error[ERROR_BYTES];
	bool readable = true;

	if (!config_finish_allocation(config, error)) {
		fprintf(stderr, "fairlead check: %s\n", error);
		return EXIT_USAGE;
	}
	c.json.out = &c.text;
	if (output == OUTPUT_JSON)
		json_array(&c.json, NULL);
	for (int i = 0; i < argc; i++)
		readable = check_path(&c, argv[i]) && readable;
	checked_report(&c.objects, config, "/etc/resolv.conf", on_compared, &c);
	const size_t problems = c.counts.problems + c.compared;
	print_end(&c, readable && problems == 0);
	checked_fini(&c.objects);
	buf_fini(&c.text);
	return readable && (strict ? problems : c.counts.refused) == 0 ? EXIT_YES : EXIT_NO;
}

const struct command cli_check = {.name = "check",
				  .options = options,
				  .arguments = "PATH…",
				  .arguments_min = 1,
				  .arguments_max = 1 << 20,
				  .summary = "validate manifests without a daemon; - is standard input",
				  .run = check};
