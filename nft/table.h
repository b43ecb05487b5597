/*
 * Private to nft/: the open table of fairlead, behind `struct nft`. Main thread.
 */
#ifndef NFT_TABLE_H
#define NFT_TABLE_H

#include "base/map.h"
#include "nft/element_list.h"
#include "nft/nft.h"
#include "nft/session.h"

#define TABLE_NAME_BYTES 64

/* How many elements of SET_AFFINITY_FRONTENDS go to an affinity-record chain: it exists while there is one. */
struct affinity_record {
	struct {
		uint32_t family, timeout_s;
	} key;
	int64_t users, change; /* change: by the transaction being built */
	bool exists;
};

struct repair;
struct walk;

struct nft {
	struct ruleset_config config; /* what it points to is below */
	char table[TABLE_NAME_BYTES], interface[16];
	struct cidr pod_cidrs[RULESET_CIDRS_MAX], networks[RULESET_CIDRS_MAX];
	struct session session;
	struct mnl_socket *monitor; /* NULL: not open */
	struct walk *walk;	    /* NULL: none */
	bool destroy_tried, destroy_works;
	struct element_list adds, dels; /* the transaction */
	struct repair *repair;		/* goes with the next transaction; NULL: chains and rules are right */
	struct map affinity_records;
	bool affinity_hooks; /* the chains of affinity_rules_hooks are there */
	struct {
		bool on;
		uint32_t generation, commits; /* when it began */
	} pause;			      /* see monitor_pause */
	bool deaf;			      /* the monitor could not be joined again */
	bool missed;			      /* an external change during a pause */
};

/*
 * While a program listens the kernel makes a notification of every element, ours too: a third of the time of a load. So
 * we do not listen meanwhile, and see by the number of commits whether another program made one. Not while a batch is
 * being built. The kernel needs 5 to 13 ms to begin it (a grace period of RCU): what has few elements does without.
 */
#define MONITOR_PAUSE_FROM 2000 /* elements */
void monitor_pause(struct nft *nft);
void monitor_resume(struct nft *nft);

#endif
