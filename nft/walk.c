/* Reads the recorded clients piece by piece. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <linux/netfilter/nf_tables.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"
#include "nft/codec.h"
#include "nft/message.h"
#include "nft/names.h"
#include "nft/table.h"

struct walk {
	struct mnl_socket *socket; /* its own: transactions go on between the steps */
	int family;
	nft_each_fn *each; /* of the step under way */
	void *ctx;
	struct netlink_list list;
	char request[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
};

/* One in a shape that we never write is for the repair. */
static int read_elements(const struct nlmsghdr *nlh, void *ctx)
{
	const struct walk *w = ctx;
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem;
	struct element e;
	bool interval_end;

	while ((elem = attrs_next(&elems)) != NULL)
		if (codec_get(elem, SET_AFFINITY, w->family, &e, &interval_end))
			w->each(w->ctx, &e);
	return MNL_CB_OK;
}

static int family_begin(struct nft *nft, int family)
{
	struct walk *w = nft->walk;
	char name[NAME_BYTES];

	w->family = family;
	w->list = (struct netlink_list){.socket = w->socket, .each = read_elements, .ctx = w, .whatever_changes = true};
	w->list.request =
		message_question(w->request, NFT_MSG_GETSETELEM, nft->table, names_set(SET_AFFINITY, family, name));
	w->list.request->nlmsg_flags |= NLM_F_DUMP;
	return netlink_list_begin(&w->list);
}

static int failed(struct nft *nft, int error)
{
	nft_walk_end(nft);
	return session_fail(&nft->session, -error, "table %s: reading the recorded clients", nft->table);
}

int nft_walk_begin(struct nft *nft)
{
	nft_walk_end(nft);
	nft->walk = mem_alloc(sizeof *nft->walk);
	nft->walk->socket = netlink_open(NETLINK_NETFILTER, 0);
	if (nft->walk->socket == NULL)
		return failed(nft, -errno);
	int error = family_begin(nft, AF_INET);
	return error < 0 ? failed(nft, error) : 0;
}

int nft_walk_step(struct nft *nft, nft_each_fn *each, void *ctx)
{
	struct walk *w = nft->walk;

	w->each = each;
	w->ctx = ctx;
	int more = netlink_list_step(&w->list);
	if (more == 0 && w->family == AF_INET) {
		more = family_begin(nft, AF_INET6);
		more = more < 0 ? more : 1;
	}
	if (more == 0)
		nft_walk_end(nft);
	return more < 0 ? failed(nft, more) : more;
}

void nft_walk_end(struct nft *nft)
{
	if (nft->walk == NULL)
		return;
	if (nft->walk->socket != NULL)
		mnl_socket_close(nft->walk->socket); /* the kernel forgets a list that was not read to its end */
	free(nft->walk);
	nft->walk = NULL;
}
