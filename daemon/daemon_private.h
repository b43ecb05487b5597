/* Private to daemon/: the running daemon, all its parts. Main thread. */
#ifndef DAEMON_DAEMON_PRIVATE_H
#define DAEMON_DAEMON_PRIVATE_H

#include <ev.h>

#include "dns/server/server.h"
#include "daemon/forward_file.h"
#include "dns/zone/zone.h"
#include "netlink/host_addresses.h"
#include "nft/nft.h"
#include "daemon/config.h"
#include "daemon/control.h"
#include "daemon/followed_file.h"
#include "daemon/hosts_file.h"
#include "daemon/lan_zone.h"
#include "daemon/needs.h"
#include "daemon/rights.h"
#include "daemon/service_manager_state.h"
#include "proxy/stale.h"
#include "service/node.h"
#include "proxy/pod_addresses.h"
#include "relay/relay.h"
#include "observe/observe.h"
#include "observe/requests.h"
#include "daemon/source.h"
#include "daemon/hand_over_state.h"
#include "daemon/steering_state.h"
#include "proxy/store.h"
#include "base/memory_limit.h"
#include "proxy/sync.h"
#include "proxy/sync_metrics.h"

/* Everything that runs. The parts know each other only through what they were given; commands reach all of them. */
struct daemon {
	struct config *config;
	struct ev_loop *loop;
	struct control *control;
	struct nft *nft; /* NULL with --no-proxy */
	struct hostaddr *host;
	struct zone *zone;
	struct clients *clients; /* of DNS; NULL with --no-dns */
	bool clients_changed;	 /* a Node object has; looked at once the source has told all of its turn */
	struct server *server;	 /* NULL with --no-dns */
	uint64_t dns_looked_ms;	 /* at its threads */
	bool dns_alive;		 /* …they went round */
	struct forward_file *forward_file;
	struct hosts_file *hosts_file;
	struct lan_zone *lan_zone;
	struct announce *announce; /* NULL without --announce */
	struct steering steering;
	struct take_over take_over;
	struct hand_over hand_over;
	bool fronts_stopped;
	struct store *store;
	struct sink sink; /* the store's; sources borrow it */
	struct node node;
	struct needs needs;
	struct followed_file resolv_conf[2]; /* of needs: its name servers */
	struct pod_addrs pods;		     /* of the store */
	struct memory_limit memory;
	uint64_t memory_target_bytes;
	struct sync *sync;
	struct sync_metrics *sync_metrics;
	struct conntrack *conntrack; /* stale's; NULL with --no-proxy, or when the kernel has none */
	struct stale *stale;
	struct requests *requests; /* the thread of HTTP and control socket */
	struct observe *observe;
	struct relay *relay; /* NULL unless localhost node ports are asked for */
	struct source source;
	struct rights rights;
	struct service_manager service_manager;
	struct ev_async flows_looked; /* a pass over conntrack has ended */
	struct ev_timer dns_retry;    /* while a DNS address is not served */
	bool trimmed;		      /* or soon */
	struct ev_timer trim;
	struct ev_timer later;	       /* when sync wants to be called again */
	struct ev_io external_changes; /* changes of our table by others */
	struct ev_io addresses;	       /* changes of the host's addresses */
	struct ev_signal stop[2], reload;
	uint64_t started_ms;
};

/* The kernel gets what has changed; called again whenever sync wants it to be (turns.c). */
void daemon_turn(struct daemon *d);
/* The first full sync is in the kernel and DNS answers. */
bool daemon_ready(const struct daemon *d);
/* Ended by a NULL name; their context is struct daemon. */
extern const struct control_command control_commands[];

#endif
