/*
 * Any bytes as a request on the control socket of a daemon with two Services: the answer is a line with an exit code,
 * then text that cannot drive a terminal, then the end; or nothing but the end, when the request is no line. The next
 * client is served.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon_private.h"
#include "tests/fuzz/quiet_log.h"
#include "tests/tempfolder.h"

#define assert_true(x) ((x) ? (void)0 : abort()) /* objects.h is written for cmocka */
#include "tests/unit/objects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 10000

static char folder[TEMPFOLDER_BYTES], path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static struct daemon d;
static struct config config;

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void remove_folder(void)
{
	requests_stop(d.requests);
	control_close(d.control);
	requests_free(d.requests);
	tempfolder_free(folder);
}

static void ignore_change(void *ctx, const struct object *prev, const struct object *next)
{
	(void)ctx, (void)prev, (void)next;
}

static void ignore(void *ctx)
{
	(void)ctx;
}

static void put(const char *name, const char *cluster_ip, const char *endpoints)
{
	struct arena *a = arena_new(512), *b = arena_new(512);
	struct service_object *service = make_service(a, name, cluster_ip);
	struct slice_object *slice = make_slice(b, name, "web", IPPROTO_TCP, 8080, endpoints);

	add_port(a, service, "web", IPPROTO_TCP, 80, 0);
	service->object.arena = a;
	service->object.digest = 1;
	d.sink.upsert(d.sink.ctx, &service->object);
	slice->object.arena = b;
	slice->object.digest = 1;
	slice->service_name = name;
	d.sink.upsert(d.sink.ctx, &slice->object);
}

/* The daemon without its threads and without a kernel. */
static void daemon_begin(void)
{
	static const struct store_listener listener = {NULL, ignore_change, ignore, ignore};
	static const struct cidr_list none;
	char error[ERROR_BYTES];

	config_init(&config);
	config.manifests = "none";
	config.node_name = "here";
	d.config = &config;
	d.source.config = &config;
	d.loop = ev_loop_new(0);
	d.node.facts.name = "here";
	d.zone = zone_new(&(struct zone_config){.domain = "cluster.local", .ttl_s = 5, .negative_ttl_s = 5});
	d.store = store_new(&listener);
	d.sink = store_sink(d.store);
	d.sync = sync_new(&(struct sync_config){.store = d.store,
						.zone = d.zone,
						.node = &d.node,
						.table = "fairlead",
						.ranges = {&none, &none},
						.max_elements = 1000});
	d.stale = stale_new(&(struct stale_config){.owners = sync_owners(d.sync)});
	put("web", "10.96.0.1", "10.244.0.1 10.244.0.2");
	put("other", "10.96.0.2", "");
	d.sink.complete(d.sink.ctx);
	sync_turn(d.sync, 1);
	tempfolder_new(folder, "control");
	atexit(remove_folder);
	must(snprintf(path, sizeof path, "%.90s/socket", folder) < (int)sizeof path);
	d.control = control_open(path, error);
	must(d.control != NULL);
	d.requests = requests_new(d.loop);
	control_start(d.control, d.requests, control_commands, &d);
}

static int client_open(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(name.sun_path, path, sizeof path);
	must(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
	return fd;
}

/* Everything up to the end of the stream. */
static struct buf ask(const void *request, size_t length)
{
	int fd = client_open();
	struct buf answer = {0};
	char bytes[4096];
	ssize_t n = -1;

	(void)!send(fd, request, length, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		ev_run(requests_loop(d.requests), EVRUN_NOWAIT);
		ev_run(d.loop, EVRUN_NOWAIT);
		while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
			buf_add(&answer, bytes, (size_t)n);
		if (n == 0 || errno != EAGAIN)
			break;
	}
	must(n == 0 || errno == ECONNRESET); /* it read no more than a line */
	close(fd);
	return answer;
}

static void check(const struct buf *answer)
{
	if (answer->length_bytes == 0)
		return;
	must(answer->length_bytes >= 2 && strchr("012", answer->data[0]) != NULL && answer->data[1] == '\n');
	for (size_t i = 0; i < answer->length_bytes; i++)
		must((unsigned char)answer->data[i] >= ' ' || answer->data[i] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (d.loop == NULL)
		daemon_begin();
	struct buf answer = ask(data, size);
	check(&answer);
	must(answer.length_bytes == 0 ||
	     memchr(data, '\n', size < CONTROL_REQUEST_BYTES ? size : CONTROL_REQUEST_BYTES) != NULL);
	buf_fini(&answer);
	answer = ask("endpoints text default/web\n", 27);
	must(strstr(answer.data, "10.244.0.2") != NULL);
	buf_fini(&answer);
	return 0;
}
