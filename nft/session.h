/*
 * Inside of nft/: the open door itself, and how messages go through it. A batch is processed by the kernel before
 * sendto returns, so its errors are waiting in the socket by then and no acknowledgement need be asked for. Main
 * thread.
 */
#ifndef NFT_SESSION_H
#define NFT_SESSION_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/map.h"
#include "netlink/attrs.h"
#include "nft/batch.h"
#include "nft/element_list.h"
#include "nft/nft.h"

#define TABLE_NAME_BYTES 64
#define NFT_ERROR_BYTES 512

/* How many elements of SET_STICKY go to a learn chain: it exists while there is one. */
struct learn {
	struct {
		uint32_t family, timeout_s;
	} key;
	int64_t users, change; /* change: by the transaction being built */
	bool exists;
};

struct nft {
	struct ruleset_config config; /* what it points to is below */
	char table[TABLE_NAME_BYTES], interface[16];
	struct cidr sources[RULESET_SOURCES_MAX];
	struct mnl_socket *socket, *monitor;
	uint32_t seq;
	size_t send_max_bytes; /* the longest batch that the socket takes */
	bool destroy_tried, destroy_works;
	struct batch batch;
	struct element_list adds, dels; /* the transaction */
	struct map learns;
	bool remembers;	  /* the chains of ruleset_build_remember are there */
	uint32_t commits; /* that the kernel took */
	struct {
		bool on;
		uint32_t generation, commits; /* when it began */
	} pause;			      /* see monitor_pause */
	bool missed;			      /* a foreign change during a pause */
	char error[NFT_ERROR_BYTES];
	uint32_t error_seq,
		error_offset; /* message of nft->batch that the kernel refused, and where in it (0: unknown) */
	bool refused_known;   /* …and that was the addition of: */
	struct element refused;
};

/* Keeps the line for nft_error; returns -errno_value. */
int kernel_fail(struct nft *nft, int errno_value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void kernel_begin(struct nft *nft); /* starts nft->batch */
int kernel_commit(struct nft *nft); /* ends and sends nft->batch; 0 or -errno of its first error */
int kernel_try(struct nft *nft);    /* the same, but the kernel only checks it and keeps nothing */
/* For what need not be one transaction: commits what there is when it is enough, or the last, and begins anew. */
int kernel_piece(struct nft *nft, bool last);

/*
 * While anybody listens the kernel makes a notification of every element, ours too: a third of the time of a load. So
 * we do not listen meanwhile, and see by the number of commits whether somebody else made one. Not while a batch is
 * being built.
 */
void monitor_pause(struct nft *nft);
void monitor_resume(struct nft *nft);

/* The message is about something of that table. Here, not in kernel.c: touched.c shall link without that. */
static inline bool kernel_is_of_table(const struct nlmsghdr *nlh, const char *table)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *name;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof *nfg || nfg->nfgen_family != NFPROTO_INET)
		return false;
	name = attrs_text(attrs_find(attrs_of(nlh, sizeof *nfg), 1)); /* whatever the message is about */
	return name != NULL && strcmp(name, table) == 0;
}

#define KERNEL_QUESTION_BYTES 256
/* Starts a message about the table, or about one of its sets (NULL: none): room for more must be behind. */
struct nlmsghdr *kernel_question(void *room, uint16_t type, const char *table, const char *set);

/* One list of the table's things, see netlink_list. -ENOENT: no such table or set. */
struct kernel_dump {
	uint16_t type; /* NFT_MSG_GET… */
	const char *table, *set;
	mnl_cb_t each;
	void (*restart)(void *ctx); /* may be NULL */
	void *ctx;
	/* Only who changes our table changes this list, and of that the monitor tells. */
	bool only_of_table;
};
int kernel_dump(struct nft *nft, const struct kernel_dump *dump);

#endif
