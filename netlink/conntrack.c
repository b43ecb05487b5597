/* Dumps conntrack entries and deletes those that the caller names. */
#include "netlink/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "netlink/netlink.h"

#define TUPLE_MAX_BYTES 128
#define DELETES_PER_SEND 64
#define DELETES_PER_LIST 65536 /* 9 MB, however many entries clients make */
#define RECEIVE_BYTES 32768

/* Which fields of CTA_TUPLE_ORIG a dump must match; the kernel has no header for it. */
#define FILTER_DST (1u << 1)
#define FILTER_PROTO_NUMBER (1u << 3)
#define FILTER_DST_PORT (1u << 5)

/* What a deletion needs: the original tuple as the kernel wrote it, and the entry's id so that no successor dies. */
struct to_delete {
	uint8_t family;
	uint16_t tuple_bytes;
	uint8_t tuple[TUPLE_MAX_BYTES];
	bool has_zone;
	uint32_t id;
	uint16_t zone;
};

struct conntrack {
	struct mnl_socket *socket;
	const struct conntrack_sweep *sweep;
	struct to_delete *to_delete;
	size_t to_delete_count, to_delete_room;
	bool more; /* to delete than one list keeps */
	atomic_bool stopped;
	char request[DELETES_PER_SEND * (TUPLE_MAX_BYTES + 64)] __attribute__((aligned(8)));
	char answers[RECEIVE_BYTES] __attribute__((aligned(8))); /* to deletions */
};

static struct nlmsghdr *put_header(void *at, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(at);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static int read_count(const struct nlmsghdr *nlh, void *ctx)
{
	uint32_t *entries = ctx;

	if (!attrs_number(attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), CTA_STATS_GLOBAL_ENTRIES), entries,
			  sizeof *entries)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	*entries = ntohl(*entries);
	return MNL_CB_STOP;
}

/* Any socket of netfilter's can be opened without ctnetlink. Asked, the kernel loads the module where it is one. */
int conntrack_count(struct conntrack *c, uint32_t *entries)
{
	char request[64] __attribute__((aligned(8)));
	const struct netlink_list question = {.socket = c->socket,
					      .request = put_header(request, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC),
					      .each = read_count,
					      .ctx = entries};

	return netlink_list(&question);
}

struct conntrack *conntrack_open(const char **error)
{
	struct conntrack *c = mem_alloc(sizeof *c);
	uint32_t entries;
	int on = 1;

	c->socket = netlink_open(NETLINK_NETFILTER, 0);
	if (c->socket != NULL && conntrack_count(c, &entries) != -EINVAL) {
		mnl_socket_setsockopt(c->socket, NETLINK_CAP_ACK, &on, sizeof on);
		return c;
	}
	*error = "cannot reach connection tracking (CONFIG_NF_CT_NETLINK)";
	conntrack_close(c);
	return NULL;
}

void conntrack_close(struct conntrack *c)
{
	if (c == NULL)
		return;
	if (c->socket != NULL)
		mnl_socket_close(c->socket);
	free(c->to_delete);
	free(c);
}

void conntrack_stop(struct conntrack *c)
{
	atomic_store(&c->stopped, true);
}

/* ---- reading ---- */

static bool tuple_addr(struct attrs ip, int family, bool source, struct addr *a)
{
	uint16_t type =
		family == AF_INET ? (source ? CTA_IP_V4_SRC : CTA_IP_V4_DST) : (source ? CTA_IP_V6_SRC : CTA_IP_V6_DST);
	const struct nlattr *attr = attrs_find(ip, type);

	*a = (struct addr){.family = (uint8_t)family};
	if (attr == NULL || mnl_attr_get_payload_len(attr) != addr_bytes(a))
		return false;
	memcpy(a->bytes, mnl_attr_get_payload(attr), addr_bytes(a));
	return true;
}

static uint16_t tuple_port(struct attrs proto, uint16_t type)
{
	uint16_t port = 0;

	attrs_number(attrs_find(proto, type), &port, sizeof port);
	return ntohs(port);
}

struct tuple {
	struct addr src, dst;
	uint16_t src_port, dst_port;
	uint8_t proto;
};

static bool tuple_read(const struct nlattr *attr, int family, struct tuple *t)
{
	const struct attrs ip = attrs_in(attrs_find(attrs_in(attr), CTA_TUPLE_IP));
	const struct attrs proto = attrs_in(attrs_find(attrs_in(attr), CTA_TUPLE_PROTO));

	t->src_port = tuple_port(proto, CTA_PROTO_SRC_PORT);
	t->dst_port = tuple_port(proto, CTA_PROTO_DST_PORT);
	return attrs_number(attrs_find(proto, CTA_PROTO_NUM), &t->proto, sizeof t->proto) &&
	       tuple_addr(ip, family, true, &t->src) && tuple_addr(ip, family, false, &t->dst);
}

static bool tcp_syn_sent(struct attrs attrs)
{
	const struct nlattr *tcp = attrs_find(attrs_in(attrs_find(attrs, CTA_PROTOINFO)), CTA_PROTOINFO_TCP);
	uint8_t state;

	return attrs_number(attrs_find(attrs_in(tcp), CTA_PROTOINFO_TCP_STATE), &state, sizeof state) &&
	       state == TCP_CONNTRACK_SYN_SENT;
}

bool conntrack_entry_read(const struct nlmsghdr *nlh, struct conntrack_entry *e)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct attrs attrs = attrs_of(nlh, sizeof *nfg);
	struct tuple orig, reply;
	uint32_t flags = 0;
	int family;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof *nfg)
		return false;
	family = nfg->nfgen_family;
	if (family != AF_INET && family != AF_INET6)
		return false;
	attrs_number(attrs_find(attrs, CTA_STATUS), &flags, sizeof flags);
	flags = ntohl(flags);
	if (!tuple_read(attrs_find(attrs, CTA_TUPLE_ORIG), family, &orig) ||
	    !tuple_read(attrs_find(attrs, CTA_TUPLE_REPLY), family, &reply))
		return false;
	*e = (struct conntrack_entry){.orig_src = orig.src,
				      .orig_dst = orig.dst,
				      .reply_src = reply.src,
				      .orig_src_port = orig.src_port,
				      .orig_port = orig.dst_port,
				      .reply_port = reply.src_port,
				      .proto = orig.proto,
				      .unreplied = !(flags & IPS_SEEN_REPLY),
				      .dnat = flags & IPS_DST_NAT};
	e->syn_sent = e->unreplied && tcp_syn_sent(attrs);
	return true;
}

static size_t most_of(const struct conntrack_sweep *sweep)
{
	return sweep->at_once != 0 ? sweep->at_once : DELETES_PER_LIST;
}

static void put_to_delete(struct conntrack *c, struct attrs attrs, uint8_t family)
{
	const struct nlattr *tuple = attrs_find(attrs, CTA_TUPLE_ORIG), *id_attr = attrs_find(attrs, CTA_ID);
	struct to_delete *d;
	uint32_t id;

	if (mnl_attr_get_payload_len(tuple) > TUPLE_MAX_BYTES || !attrs_number(id_attr, &id, sizeof id))
		return;
	c->more = c->to_delete_count == most_of(c->sweep);
	if (c->more)
		return;
	c->to_delete = mem_grow(c->to_delete, c->to_delete_count, &c->to_delete_room, sizeof *c->to_delete);
	d = &c->to_delete[c->to_delete_count++];
	*d = (struct to_delete){.family = family, .tuple_bytes = mnl_attr_get_payload_len(tuple)};
	memcpy(d->tuple, mnl_attr_get_payload(tuple), d->tuple_bytes);
	d->id = id;
	d->has_zone = attrs_number(attrs_find(attrs, CTA_ZONE), &d->zone, sizeof d->zone);
}

static int each_entry(const struct nlmsghdr *nlh, void *ctx)
{
	struct conntrack *c = ctx;
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct conntrack_entry e;

	if (atomic_load_explicit(&c->stopped, memory_order_relaxed)) {
		errno = ECANCELED;
		return MNL_CB_ERROR;
	}
	if (!conntrack_entry_read(nlh, &e) || e.proto != c->sweep->proto)
		return MNL_CB_OK;
	if (c->sweep->unreplied_only && !e.unreplied)
		return MNL_CB_OK;
	if (c->sweep->check(c->sweep->ctx, &e))
		put_to_delete(c, attrs_of(nlh, sizeof *nfg), nfg->nfgen_family);
	return MNL_CB_OK;
}

static void forget(void *ctx)
{
	struct conntrack *c = ctx;

	c->to_delete_count = 0;
	c->more = false;
}

/*
 * The kernel reads the fields that the flags name, and no others. Of IPv6 addresses it sends all but the one that is
 * asked for: ctnetlink_filter_match_tuple negates its comparison (seen on 6.18). So only IPv4 addresses go there.
 */
static uint32_t put_tuple(struct nlmsghdr *nlh, const struct conntrack_sweep *sweep)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG), *nest;
	uint32_t flags = FILTER_PROTO_NUMBER;

	if (sweep->dst != NULL && sweep->family == AF_INET) {
		nest = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
		mnl_attr_put(nlh, CTA_IP_V4_DST, addr_bytes(sweep->dst), sweep->dst->bytes);
		mnl_attr_nest_end(nlh, nest);
		flags |= FILTER_DST;
	}
	nest = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, sweep->proto);
	if (sweep->dst_port != 0) {
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(sweep->dst_port));
		flags |= FILTER_DST_PORT;
	}
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, tuple);
	return flags;
}

/* Asks for a part only (CTA_FILTER, Linux 5.8) and, from 5.15 on, for what had no reply. */
static void put_filter(struct nlmsghdr *nlh, const struct conntrack_sweep *sweep)
{
	const uint32_t flags = put_tuple(nlh, sweep);
	struct nlattr *nest = mnl_attr_nest_start(nlh, CTA_FILTER);

	mnl_attr_put_u32(nlh, CTA_FILTER_ORIG_FLAGS, flags);
	mnl_attr_put_u32(nlh, CTA_FILTER_REPLY_FLAGS, 0);
	mnl_attr_nest_end(nlh, nest);
	if (!sweep->unreplied_only)
		return;
	mnl_attr_put_u32(nlh, CTA_STATUS, 0);
	mnl_attr_put_u32(nlh, CTA_STATUS_MASK, htonl(IPS_SEEN_REPLY));
}

static int list_all(struct conntrack *c)
{
	char request[256] __attribute__((aligned(8)));
	struct netlink_list list = {.socket = c->socket, .each = each_entry, .restart = forget, .ctx = c};

	list.request = put_header(request, IPCTNL_MSG_CT_GET, NLM_F_DUMP, c->sweep->family);
	put_filter(list.request, c->sweep);
	return netlink_list(&list);
}

/* ---- deleting ---- */

static void put_delete(struct nlmsghdr *nlh, const struct to_delete *d)
{
	mnl_attr_put(nlh, CTA_TUPLE_ORIG | NLA_F_NESTED, d->tuple_bytes, d->tuple);
	mnl_attr_put_u32(nlh, CTA_ID, d->id);
	if (d->has_zone)
		mnl_attr_put_u16(nlh, CTA_ZONE, d->zone);
}

/* Errors of the deletions just sent: the kernel has answered by now. Returns the first that matters. */
static int read_refusals(struct conntrack *c, size_t *refused)
{
	int first = 0;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(c->socket), c->answers, sizeof c->answers, MSG_DONTWAIT);
		const struct nlmsghdr *nlh;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? first : -errno;
		struct messages list = {(const uint8_t *)c->answers, (size_t)got};
		while ((nlh = messages_next(&list)) != NULL) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type != NLMSG_ERROR || err->error == 0)
				continue;
			++*refused;
			if (err->error != -ENOENT && first == 0) /* gone by itself */
				first = err->error;
		}
	}
}

static int delete_some(struct conntrack *c, const struct to_delete *list, size_t count, size_t *deleted)
{
	size_t used = 0, refused = 0;
	int error;

	for (size_t i = 0; i < count; i++) {
		struct nlmsghdr *nlh = put_header(c->request + used, IPCTNL_MSG_CT_DELETE, 0, list[i].family);

		put_delete(nlh, &list[i]);
		used += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	error = netlink_send(c->socket, c->request, used);
	if (error != 0)
		return error;
	error = read_refusals(c, &refused);
	*deleted += count - refused;
	return error;
}

static int delete_all(struct conntrack *c, size_t *deleted)
{
	int error = 0;

	for (size_t i = 0; i < c->to_delete_count && error == 0; i += DELETES_PER_SEND) {
		size_t rest = c->to_delete_count - i;

		if (atomic_load(&c->stopped))
			return -ECANCELED;
		error = delete_some(c, &c->to_delete[i], rest < DELETES_PER_SEND ? rest : DELETES_PER_SEND, deleted);
	}
	return error;
}

/* What one list keeps is deleted before the next one; that ends when nothing goes any more. */
int conntrack_sweep(struct conntrack *c, const struct conntrack_sweep *sweep, size_t *deleted)
{
	size_t before;
	int error;

	*deleted = 0;
	if (atomic_load(&c->stopped))
		return -ECANCELED;
	c->sweep = sweep;
	do {
		before = *deleted;
		forget(c);
		error = list_all(c);
		if (error == 0)
			error = delete_all(c, deleted);
	} while (error == 0 && c->more && *deleted > before);
	c->sweep = NULL;
	return error;
}
