/*
 * How fast manifests become objects, what they cost in memory, and the checkpoint file: parse, decode and sink
 * alone, without kernel or DNS. usage: read [SERVICES], each with ten endpoints. Prints one table.
 */
#include <errno.h>
#include <ev.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "tests/tempfolder.h"
#include "watch/manifest/manifest.h"
#include "watch/checkpoint_file.h"

#define ENDPOINTS 10
#define FLIPS 11

enum layout { DOCUMENTS, YAML_LIST, JSON_LIST, FILES, LAYOUTS };

static const char *const layout_names[LAYOUTS] = {"one file of documents", "one YAML List", "one JSON List",
						  "a file per service"};

struct bench {
	char folder[TEMPFOLDER_BYTES];
	int services;
	struct ev_loop *loop;
	struct sink sink;
	struct object **objects;
	size_t count, turns;
};

/* ---- manifests ---- */

static void add_service(struct buf *out, int i, const char *first, const char *pad)
{
	buf_printf(out, "%sapiVersion: v1\n%skind: Service\n%smetadata:\n%s  name: svc-%d\n%s  namespace: ns-%d\n",
		   first, pad, pad, pad, i, pad, i % 100);
	buf_printf(out,
		   "%sspec:\n%s  clusterIP: 10.%d.%d.%d\n%s  ports:\n%s  - {name: http, port: 80, targetPort: 8080}\n",
		   pad, pad, 96 + i / 65536, i >> 8 & 255, i & 255, pad, pad);
}

static void add_slice(struct buf *out, int i, const char *first, const char *pad, int moved)
{
	buf_printf(out, "%sapiVersion: discovery.k8s.io/v1\n%skind: EndpointSlice\n%smetadata:\n%s  name: svc-%d-a\n",
		   first, pad, pad, pad, i);
	buf_printf(out, "%s  namespace: ns-%d\n%s  labels:\n%s    kubernetes.io/service-name: svc-%d\n", pad, i % 100,
		   pad, pad, i);
	buf_printf(out, "%saddressType: IPv4\n%sports:\n%s- name: http\n%s  port: 8080\n%sendpoints:\n", pad, pad, pad,
		   pad, pad);
	for (int n = 0; n < ENDPOINTS; n++)
		buf_printf(
			out,
			"%s- addresses:\n%s  - 10.%d.%d.%d\n%s  conditions:\n%s    ready: true\n%s  nodeName: node-%d\n"
			"%s  targetRef:\n%s    kind: Pod\n%s    name: svc-%d-%d\n",
			pad, pad, 200 + n + (moved && n == 0 ? 20 : 0), i >> 8 & 255, i & 255, pad, pad, pad,
			(i + n) % 50, pad, pad, pad, i, n);
}

static void add_json(struct buf *out, int i, int moved)
{
	buf_printf(out,
		   "%s{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"svc-%d\",\"namespace\":\"ns-"
		   "%d\"},"
		   "\"spec\":{\"clusterIP\":\"10.%d.%d.%d\",\"ports\":[{\"name\":\"http\",\"port\":80,\"targetPort\":"
		   "8080}]}},\n",
		   i != 0 ? "," : "", i, i % 100, 96 + i / 65536, i >> 8 & 255, i & 255);
	buf_printf(out,
		   "{\"apiVersion\":\"discovery.k8s.io/"
		   "v1\",\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"svc-%d-a\","
		   "\"namespace\":\"ns-%d\",\"labels\":{\"kubernetes.io/"
		   "service-name\":\"svc-%d\"}},\"addressType\":\"IPv4\","
		   "\"ports\":[{\"name\":\"http\",\"port\":8080}],\"endpoints\":[",
		   i, i % 100, i);
	for (int n = 0; n < ENDPOINTS; n++)
		buf_printf(
			out,
			"%s{\"addresses\":[\"10.%d.%d.%d\"],\"conditions\":{\"ready\":true},\"nodeName\":\"node-%d\","
			"\"targetRef\":{\"kind\":\"Pod\",\"name\":\"svc-%d-%d\"}}",
			n != 0 ? "," : "", 200 + n + (moved && n == 0 ? 20 : 0), i >> 8 & 255, i & 255, (i + n) % 50, i,
			n);
	buf_puts(out, "]}\n");
}

static void add_pair(struct buf *out, enum layout layout, int i, int moved)
{
	if (layout == JSON_LIST) {
		add_json(out, i, moved);
		return;
	}
	add_service(out, i, layout == YAML_LIST ? "- " : i != 0 ? "---\n" : "", layout == YAML_LIST ? "  " : "");
	add_slice(out, i, layout == YAML_LIST ? "- " : "---\n", layout == YAML_LIST ? "  " : "", moved);
}

static void replace(const struct bench *b, const char *name, const struct buf *text)
{
	char from[TEMPFOLDER_BYTES + 32], to[TEMPFOLDER_BYTES + 32];

	snprintf(from, sizeof from, "%s/.new", b->folder);
	snprintf(to, sizeof to, "%s/%s", b->folder, name);
	FILE *f = fopen(from, "w");
	if (f == NULL || fwrite(text->data, 1, text->length_bytes, f) != text->length_bytes || fclose(f) != 0 ||
	    rename(from, to) != 0)
		fatal("%s", to);
}

/* moved: the first endpoint of service 0 has another address. only: just the file that holds it. */
static void write_all(const struct bench *b, enum layout layout, int moved, bool only)
{
	struct buf text = {0};
	char name[32] = "0.yaml";

	if (layout == JSON_LIST)
		snprintf(name, sizeof name, "0.json");
	if (layout == YAML_LIST || layout == JSON_LIST)
		buf_puts(&text,
			 layout == YAML_LIST ? "apiVersion: v1\nitems:\n" : "{\"apiVersion\":\"v1\",\"items\":[\n");
	for (int i = 0; i < b->services; i++) {
		add_pair(&text, layout, i, moved && i == 0);
		if (layout != FILES)
			continue;
		snprintf(name, sizeof name, "%d.yaml", i);
		replace(b, name, &text);
		buf_clear(&text);
		if (only)
			break;
	}
	if (layout == YAML_LIST || layout == JSON_LIST)
		buf_puts(&text, layout == YAML_LIST ? "kind: List\n" : "],\"kind\":\"List\"}\n");
	if (layout != FILES)
		replace(b, name, &text);
	buf_fini(&text);
}

/* ---- sink ---- */

static void on_upsert(void *ctx, struct object *o)
{
	struct bench *b = ctx;

	if (b->turns == 0)
		b->objects[b->count++] = o;
	else
		object_free(o);
}

static void on_remove(void *ctx, enum object_kind kind, const char *ns, const char *name)
{
	(void)ctx, (void)kind, (void)ns, (void)name;
}

static void on_list(void *ctx, enum object_kind kind)
{
	(void)ctx, (void)kind;
}

static void on_complete(void *ctx)
{
	(void)ctx;
}

static void on_turn_end(void *ctx)
{
	((struct bench *)ctx)->turns++;
}

/* ---- measuring ---- */

static double cpu_ms(void)
{
	return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double flip_ms(struct bench *b, enum layout layout)
{
	double times[FLIPS];

	for (int i = 0; i < FLIPS; i++) {
		size_t before = b->turns;
		write_all(b, layout, i % 2 == 0, true);
		double start = cpu_ms();
		while (b->turns == before)
			ev_run(b->loop, EVRUN_ONCE);
		times[i] = cpu_ms() - start;
	}
	qsort(times, FLIPS, sizeof times[0], compare_doubles);
	return times[FLIPS / 2];
}

static void drop_objects(struct bench *b)
{
	while (b->count > 0)
		object_free(b->objects[--b->count]);
	b->turns = 0;
}

static double wall_ms(void)
{
	return (double)clock_ns() / 1e6;
}

/* How long the main thread stands still for a write: it holds the objects, and lets them go; beside a fork. */
static void measure_snapshot(const struct bench *b)
{
	double start = wall_ms(), hold, release, forked;

	for (size_t i = 0; i < b->count; i++)
		object_hold(b->objects[i]);
	hold = wall_ms() - start;
	start = wall_ms();
	for (size_t i = 0; i < b->count; i++)
		object_free(b->objects[i]);
	release = wall_ms() - start;
	start = wall_ms();
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	forked = wall_ms() - start;
	waitpid(pid, NULL, 0);
	printf("%-24s hold %.2f ms, release %.2f ms; a fork %.2f ms\n", "snapshot", hold, release, forked);
}

static void measure_state(struct bench *b)
{
	struct checkpoint_file_info info;

	measure_snapshot(b);
	double start = cpu_ms(), put, load;
	struct checkpoint_file_writer *w = checkpoint_file_begin(b->folder, "bench", 0);

	for (size_t i = 0; i < b->count; i++)
		checkpoint_file_put(w, b->objects[i]);
	put = cpu_ms() - start;
	if (!checkpoint_file_commit(w))
		exit(1);
	drop_objects(b);
	start = cpu_ms();
	if (!checkpoint_file_load(b->folder, "bench", &b->sink, &info))
		exit(1);
	load = cpu_ms() - start;
	printf("%-24s write %.0f ms CPU, read %.0f ms CPU\n", "checkpoint file", put, load);
}

static void measure(struct bench *b, enum layout layout)
{
	struct mallinfo2 before, after;
	size_t object_bytes = 0;
	double start, change;

	tempfolder_new(b->folder, "bench");
	write_all(b, layout, 0, false);
	malloc_trim(0);
	before = mallinfo2();
	start = cpu_ms();
	struct manifest *m = manifest_new(b->loop, b->folder, &b->sink);
	double load = cpu_ms() - start;
	after = mallinfo2();
	for (size_t i = 0; i < b->count; i++)
		object_bytes += arena_bytes(b->objects[i]->arena);
	change = flip_ms(b, layout);
	printf("%-24s %6zu objects  read %4.0f ms CPU  change %5.2f ms CPU  objects %.1f MB  with index %.1f MB\n",
	       layout_names[layout], b->count, load, change, (double)object_bytes / 1e6,
	       (double)(after.uordblks - before.uordblks) / 1e6);
	manifest_free(m);
	if (layout == LAYOUTS - 1)
		measure_state(b);
	drop_objects(b);
	tempfolder_free(b->folder);
}

int main(int argc, char **argv)
{
	struct bench b = {.services = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10000};

	if (b.services < 1 || b.services > 1000000) {
		fprintf(stderr, "usage: read [SERVICES]\n");
		return 2;
	}
	log_set_level(LOG_WARN);
	b.objects = mem_array((size_t)b.services * 2, sizeof(struct object *));
	b.loop = ev_default_loop(EVFLAG_AUTO);
	b.sink = (struct sink){.ctx = &b,
			       .upsert = on_upsert,
			       .remove = on_remove,
			       .list_begin = on_list,
			       .list_end = on_list,
			       .complete = on_complete,
			       .turn_end = on_turn_end};
	printf("%d services of %d endpoints\n", b.services, ENDPOINTS);
	for (int layout = 0; layout < LAYOUTS; layout++)
		measure(&b, (enum layout)layout);
	ev_loop_destroy(b.loop);
	free(b.objects);
	return 0;
}
