/*
 * Serves made-up services with the daemon's DNS code and nothing else:
 *
 *   serve ADDR:PORT CLUSTERIP-SERVICES HEADLESS-SERVICES WORKERS CHANGES-PER-SECOND
 *
 * Prints "ready" and its resident memory; ends at SIGTERM.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "bench/dns/zonefill.h"
#include "dns/server/server.h"
#include "dns/zone/clients.h"

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static unsigned argument(char **argv, int i)
{
	return (unsigned)strtoul(argv[i], NULL, 10);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Every turn replaces one headless service, whose last endpoint moves to and fro. */
static void change_until_ended(struct zone *z, struct service **headless, unsigned count, unsigned per_second)
{
	unsigned version = 1, at = 0;
	struct timespec pause = {per_second > 0 ? 0 : 1, per_second > 0 ? 1000000000 / (long)per_second : 0};

	while (!ended) {
		nanosleep(&pause, NULL);
		if (per_second == 0 || count == 0)
			continue;
		struct service *next = zonefill_headless(at, version);
		zone_replace(z, headless[at], next);
		headless[at] = next;
		if (++at == count) {
			at = 0;
			version++;
		}
	}
}

/* As many ranges as a node with two address families knows. */
static struct clients *clients_make(void)
{
	static const char *const texts[] = {"127.0.0.0/8",    "::1/128",	"10.0.0.0/8",	   "172.16.0.0/12",
					    "192.168.0.0/16", "100.64.0.0/10",	"169.254.0.0/16",  "fc00::/7",
					    "fe80::/10",      "203.0.113.7/32", "198.51.100.0/24", "2001:db8::/64"};
	struct cidr ranges[sizeof texts / sizeof *texts];
	struct clients *c = clients_new();

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		cidr_parse(&ranges[i], texts[i]);
	clients_set(c, ranges, sizeof texts / sizeof *texts);
	return c;
}

int main(int argc, char **argv)
{
	struct addr_port listen = {.port = 53};
	const char *error;

	if (argc != 6 || !addr_port_parse(&listen.addr, &listen.port, argv[1]))
		fatalx("usage: serve ADDR:PORT CLUSTERIP-SERVICES HEADLESS-SERVICES WORKERS CHANGES-PER-SECOND");
	unsigned cluster_ips = argument(argv, 2), count = argument(argv, 3);
	struct zone *z = zone_new(&(struct zone_config){
		.domain = "cluster.local", .ttl_s = 5, .negative_ttl_s = 5, .pods = PODS_INSECURE});
	struct service **headless = calloc(count + 1, sizeof *headless);

	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	uint64_t start = clock_ns();
	for (unsigned i = 0; i < cluster_ips; i++)
		zone_replace(z, NULL, zonefill_cluster_ip(i));
	for (unsigned i = 0; i < count; i++)
		zone_replace(z, NULL, headless[i] = zonefill_headless(i, 0));
	zone_complete(z);
	struct clients *clients = clients_make();
	struct server *s = server_start(&(struct server_config){.listen = &listen,
								.listen_count = 1,
								.workers = argument(argv, 4),
								.zone = z,
								.clients = clients},
					&error);
	if (s == NULL)
		fatalx("%s", error);
	printf("ready: loaded in %.1f ms, resident %ld KiB\n", (double)(clock_ns() - start) / 1e6, resident_kib());
	fflush(stdout);
	change_until_ended(z, headless, count, argument(argv, 5));
	struct server_counts counts;
	server_counts(s, &counts);
	printf("queries %lu nxdomain %lu nodata %lu resident %ld KiB\n", counts.queries, counts.nxdomain, counts.nodata,
	       resident_kib());
	server_stop(s);
	zone_free(z);
	clients_free(clients);
	free(headless);
	return 0;
}
