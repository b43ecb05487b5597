/* Private to daemon/announce*.c: what is known of the network, the addresses and the kernel. Main thread. */
#ifndef DAEMON_ANNOUNCE_PRIVATE_H
#define DAEMON_ANNOUNCE_PRIVATE_H

#include <ev.h>

#include "daemon/announce.h"
#include "daemon/announce_book.h"
#include "netlink/lan_interface.h"
#include "netlink/local_routes.h"
#include "service/announce_plan.h"

struct announce {
	struct daemon *d;
	const char *interface; /* its name */
	struct mnl_socket *asking, *listening;
	struct local_routes *routes;
	int packets;   /* the socket that tells; -1: none */
	int proxy_ndp; /* the sysctl, open for writing; -1 */
	struct lan_interface lan;
	const char *waiting;   /* why the interface is of no use: static text; NULL: it is */
	const char *unable[2]; /* why the kernel would not answer, by family: static text; NULL: it does */
	bool stays;	       /* IPv4 is not forwarded */
	struct announce_wish *wishes;
	size_t wish_count;
	struct announce_book book;
	bool stale;    /* the kernel does not have all of ours yet */
	int failed;    /* what it said last */
	uint64_t told; /* announcements sent */
	uint64_t said; /* digest of the addresses that the log knows */
	struct ev_io heard;
	struct ev_timer rest; /* until the next look at everything */
	struct ev_timer tick; /* until something is due */
};

/* announce_kernel.c: opens what needs rights that are given up later. False: rtnetlink is not there. */
bool announce_kernel_open(struct announce *a);
void announce_kernel_close(struct announce *a);
/* Would the kernel answer? Fills `unable`, and turns proxy_ndp on where it may. */
void announce_kernel_look(struct announce *a);
/* Those that are there already, sorted; the caller frees. */
struct addr *announce_kernel_present(const struct announce *a, size_t *count);
/* The kernel answers for ours and no others. */
void announce_kernel_set(struct announce *a);

/* announce_log.c: a line for what has changed. */
void announce_log_interface(const struct announce *a, const char *waiting_before);
void announce_log_unable(const struct announce *a, const char *const before[2], bool stayed);
void announce_log_wishes(const struct announce *a, const struct announce_wish *before, size_t count);
void announce_log_ours(struct announce *a);
void announce_log_taken(const struct announce *a, const struct announced *one);

#endif
