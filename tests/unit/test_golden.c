/*
 * Objects in, printed services, elements and names out: tests/golden/cases/NAME.yaml against NAME.txt beside it. With
 * GOLDEN_WRITE=1 the texts are written anew, to be read before they are committed.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "load.h"
#include "tests/unit/show_lab.h"
#include "watch/manifest/yaml.h"

#define CASES "../golden/cases"
#define SERVICES_MAX 16

struct world {
	struct loaded objects;
	struct arena *arena, *scratch;
	struct owners *owners;
	struct service *services[SERVICES_MAX];
	size_t service_count;
	struct buf out;
};

static void load_file(struct world *w, const char *path)
{
	struct yaml_parser *parser = yaml_parser_new();
	struct yaml_chunk chunk;
	struct yaml_error error;
	size_t length, at = 0;
	uint32_t line = 1;
	char *text = read_text(path, &length);

	while (yaml_next_document(text, length, &at, &line, &chunk)) {
		const struct value *v;
		if (!yaml_parse(parser, &chunk, w->arena, &v, &error))
			fail_msg("%s:%u: %s", path, error.line, error.reason);
		load_value(&w->objects, v);
	}
	free(text);
	yaml_parser_free(parser);
}

static void contested(void *ctx, const struct conflict *c)
{
	struct buf *out = ctx;
	char addr[ADDR_PORT_TEXT_BYTES];

	buf_printf(out, "contested %s/%s", addr_port_format(&c->key.addr, c->key.port, addr), proto_name(c->key.proto));
	if (c->more != 0)
		buf_printf(out, " and %zu more", c->more);
	buf_printf(out, ": %s/%s, not %s/%s\n", c->owner->ns, c->owner->name, c->loser->ns, c->loser->name);
}

static void print_world(struct world *w)
{
	struct element_list elements = {0};
	struct show_context view = {.owners = w->owners};

	for (size_t i = 0; i < w->service_count; i++) {
		print_service(&w->out, w->services[i], &view);
		elements_collect(&elements, w->services[i], w->owners);
	}
	buf_puts(&w->out, "elements\n");
	print_elements(&w->out, &elements);
	element_list_fini(&elements);
}

/* The node that all cases are compiled for. */
static void compile_all(struct world *w)
{
	struct addr addrs[2];
	struct node_facts node = {
		.name = "node-1",
		.zone = "zone-a",
		.ip_count = 2,
		.ips = addrs,
		.node_port_addr_count = 2,
		.node_port_addrs = addrs,
	};

	assert_true(addr_parse(&addrs[0], "192.168.0.2"));
	assert_true(addr_parse(&addrs[1], "2001:db8::2"));
	for (size_t i = 0; i < w->objects.count; i++) {
		if (w->objects.objects[i]->kind != OBJECT_SERVICE)
			continue;
		assert_true(w->service_count < SERVICES_MAX);
		struct service *s = loaded_compile(&w->objects, (const struct service_object *)w->objects.objects[i],
						   &node, w->scratch);
		owners_replace(w->owners, NULL, s, NULL, NULL);
		w->services[w->service_count++] = s;
		owners_report_conflicts(w->owners);
	}
}

static void compare(const struct world *w, const char *path)
{
	if (getenv("GOLDEN_WRITE") != NULL) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fwrite(w->out.data, 1, w->out.length_bytes, f);
		fclose(f);
		return;
	}
	size_t length;
	char *wanted = read_text(path, &length);
	if (strcmp(wanted, w->out.data) != 0)
		fail_msg("%s differs; this is what came out:\n%s", path, w->out.data);
	free(wanted);
}

static void run_case(const char *name)
{
	struct world w = {.arena = arena_new(4096), .scratch = arena_new(4096)};
	char path[512];

	w.objects.decoder = decoder_new(false); /* as manifests are read */
	w.owners = owners_new(contested, &w.out);
	snprintf(path, sizeof path, CASES "/%.200s.yaml", name);
	load_file(&w, path);
	compile_all(&w);
	print_world(&w);
	snprintf(path, sizeof path, CASES "/%.200s.txt", name);
	compare(&w, path);
	for (size_t i = 0; i < w.service_count; i++)
		service_free(w.services[i]);
	owners_free(w.owners);
	loaded_fini(&w.objects);
	arena_free(w.arena);
	arena_free(w.scratch);
	buf_fini(&w.out);
}

static void every_case(void **state)
{
	DIR *folder = opendir(CASES);
	size_t count = 0;

	(void)state;
	assert_non_null(folder);
	for (struct dirent *e; (e = readdir(folder)) != NULL;) {
		size_t n = strlen(e->d_name);
		if (n < 5 || strcmp(e->d_name + n - 5, ".yaml") != 0)
			continue;
		e->d_name[n - 5] = '\0';
		print_message("case %s\n", e->d_name);
		run_case(e->d_name);
		count++;
	}
	closedir(folder);
	assert_true(count >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_case)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
