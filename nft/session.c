#include "nft/session.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/mem.h"
#include "netlink/attrs.h"
#include "nft/codec.h"
#include "nft/names.h"
#include "netlink/netlink.h"

#define RECEIVE_BYTES 65536
#define BATCH_FRAME_BYTES 256 /* what netlink keeps of the send buffer, and the end message */

int kernel_fail(struct nft *nft, int errno_value, const char *fmt, ...)
{
	va_list args;
	size_t used;

	va_start(args, fmt);
	vsnprintf(nft->error, sizeof nft->error, fmt, args);
	va_end(args);
	nft->refused_known = false;
	used = strlen(nft->error);
	snprintf(nft->error + used, sizeof nft->error - used, ": %s", strerror(errno_value));
	return -errno_value;
}

/* A batch is one datagram: root outside of user namespaces may have any length, others live with what is set. */
static void raise_send_buffer(struct nft *nft)
{
	int fd = mnl_socket_get_fd(nft->socket), wanted = INT_MAX / 2, got = 0;
	socklen_t length = sizeof got;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &length) < 0 || got <= BATCH_FRAME_BYTES)
		got = 65536;
	nft->send_max_bytes = (size_t)got - BATCH_FRAME_BYTES;
}

void nft_set_sources(struct nft *nft, const struct cidr *sources, size_t count)
{
	assert(count <= RULESET_SOURCES_MAX);
	if (count > 0)
		memcpy(nft->sources, sources, count * sizeof *sources);
	nft->config.sources = nft->sources;
	nft->config.source_count = count;
}

struct nft *nft_open(const struct ruleset_config *config, const char **error)
{
	struct nft *nft = mem_alloc(sizeof *nft);
	int on = 1;

	nft->config = *config;
	snprintf(nft->table, sizeof nft->table, "%s", config->table);
	nft->config.table = nft->table;
	nft_set_sources(nft, config->sources, config->source_count);
	if (config->interface != NULL) {
		snprintf(nft->interface, sizeof nft->interface, "%s", config->interface);
		nft->config.interface = nft->interface;
	}
	nft->socket = netlink_open(NETLINK_NETFILTER, 0);
	if (nft->socket == NULL) {
		*error = "cannot open a netfilter netlink socket (CONFIG_NETFILTER_NETLINK)";
		nft_close(nft);
		return NULL;
	}
	mnl_socket_setsockopt(nft->socket, NETLINK_CAP_ACK, &on, sizeof on);
	mnl_socket_setsockopt(nft->socket, NETLINK_EXT_ACK, &on, sizeof on);
	raise_send_buffer(nft);
	return nft;
}

static void learns_free(struct nft *nft)
{
	size_t at = 0;
	struct learn *l;

	while ((l = map_next(&nft->learns, &at)) != NULL)
		free(l);
	map_fini(&nft->learns);
}

void nft_close(struct nft *nft)
{
	if (nft == NULL)
		return;
	if (nft->monitor != NULL)
		mnl_socket_close(nft->monitor);
	if (nft->socket != NULL)
		mnl_socket_close(nft->socket);
	batch_fini(&nft->batch);
	learns_free(nft);
	element_list_fini(&nft->adds);
	element_list_fini(&nft->dels);
	free(nft);
}

const char *nft_error(const struct nft *nft)
{
	return nft->error;
}

bool nft_refused(const struct nft *nft, struct element *e)
{
	*e = nft->refused;
	return nft->refused_known;
}

/* ---- batches ---- */

void kernel_begin(struct nft *nft)
{
	batch_begin(&nft->batch, ++nft->seq);
}

/* A string attribute of the message; for all types 1 is the table's name, 2 that of the set or chain. */
static const char *name_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	const char *text = attrs_text(attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), type));

	return text != NULL ? text : "";
}

/* The list element that contains byte `offset` of the message; where that is not told (before 5.19), the only one. */
static const struct nlattr *element_at(const struct nlmsghdr *nlh, uint32_t offset)
{
	struct attrs elems = codec_elements(nlh);
	const struct nlattr *elem, *only = NULL;

	for (size_t count = 0; (elem = attrs_next(&elems)) != NULL; count++) {
		size_t from = (size_t)((const uint8_t *)elem - (const uint8_t *)nlh);

		if (offset >= from && offset < from + elem->nla_len)
			return elem;
		only = count == 0 ? elem : NULL;
	}
	return offset == 0 ? only : NULL;
}

/* A deletion carries no value, so only additions can be read back whole. */
static bool element_read(const struct nlmsghdr *nlh, uint32_t offset, struct element *e)
{
	const struct nlattr *attr = element_at(nlh, offset);
	bool interval_end;
	enum set_id set;
	int family;

	return attr != NULL && names_set_parse(name_attr(nlh, NFTA_SET_ELEM_LIST_SET), &set, &family) &&
	       codec_get(attr, set, family, e, &interval_end);
}

static void describe_elements(const struct nlmsghdr *nlh, uint32_t offset, char text[ELEMENT_TEXT_BYTES])
{
	struct element e;

	if (element_read(nlh, offset, &e))
		element_format(&e, text);
	else
		snprintf(text, ELEMENT_TEXT_BYTES, "elements of %s", name_attr(nlh, NFTA_SET_ELEM_LIST_SET));
}

/* What the kernel refused, in words: "add dispatch4 { … }". */
#define REFUSED_TEXT_BYTES (ELEMENT_TEXT_BYTES + 32)
static void describe(const struct nlmsghdr *nlh, uint32_t offset, char text[REFUSED_TEXT_BYTES])
{
	static const char *const things[] = {
		[NFT_MSG_NEWTABLE] = "add table",  [NFT_MSG_DELTABLE] = "delete table",
		[NFT_MSG_NEWCHAIN] = "add chain",  [NFT_MSG_DELCHAIN] = "delete chain",
		[NFT_MSG_NEWRULE] = "add rule in", [NFT_MSG_NEWSET] = "add set",
		[NFT_MSG_NEWSETELEM] = "add",	   [NFT_MSG_DELSETELEM] = "delete",
	};
	uint16_t type = nlh->nlmsg_type & 0xff;
	const char *verb = type < sizeof things / sizeof things[0] && things[type] != NULL ? things[type] : "message";
	char elements[ELEMENT_TEXT_BYTES];

	if (type == NFT_MSG_NEWSETELEM || type == NFT_MSG_DELSETELEM)
		describe_elements(nlh, offset, elements);
	else
		snprintf(elements, sizeof elements, "%s",
			 name_attr(nlh, type == NFT_MSG_NEWTABLE || type == NFT_MSG_DELTABLE ? 1 : 2));
	snprintf(text, REFUSED_TEXT_BYTES, "%s %s", verb, elements);
}

/* Where in the message the kernel saw the error (NLMSGERR_ATTR_OFFS), 0: it did not say. */
static uint32_t error_offset(const struct nlmsghdr *nlh)
{
	uint32_t offset = 0;

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		attrs_number(attrs_find(attrs_of(nlh, sizeof(struct nlmsgerr)), NLMSGERR_ATTR_OFFS), &offset,
			     sizeof offset);
	return offset;
}

static int note_error(struct nft *nft, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const struct nlmsghdr *cause = batch_find(&nft->batch, nlh->nlmsg_seq);
	char text[REFUSED_TEXT_BYTES];

	if (err->error == 0 || cause == NULL)
		return 0; /* an acknowledgement, or of an earlier batch */
	nft->error_seq = nlh->nlmsg_seq;
	nft->error_offset = error_offset(nlh);
	if (err->error == -EPERM && cause->nlmsg_type == NFNL_MSG_BATCH_BEGIN) /* before a look at what is in it */
		return kernel_fail(nft, EPERM, "run as root or with CAP_NET_ADMIN");
	describe(cause, nft->error_offset, text);
	int error = kernel_fail(nft, -err->error, "table %s: %s", nft->table, text);
	if ((cause->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM) {
		nft->refused_known = element_read(cause, nft->error_offset, &nft->refused);
		nft->batch.alone |= !nft->refused_known; /* the next attempt will tell */
	}
	return error;
}

/* The first error of the batch just sent. All are read: none may be left for the next question. */
static int read_errors(struct nft *nft)
{
	static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
	bool lost = false;
	int first = 0;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(nft->socket), buffer, sizeof buffer, MSG_DONTWAIT);
		const struct nlmsghdr *nlh;

		if (got < 0 && errno == ENOBUFS) /* told before the errors that found room, and these came first */
			lost = true;
		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		struct messages list = {(const uint8_t *)buffer, got > 0 ? (size_t)got : 0};
		while ((nlh = messages_next(&list)) != NULL)
			if (nlh->nlmsg_type == NLMSG_ERROR && first == 0)
				first = note_error(nft, nlh);
	}
	if (first == 0 && (lost || errno != EAGAIN))
		return kernel_fail(nft, lost ? ENOBUFS : errno, "table %s: reading answers", nft->table);
	return first;
}

static int send_batch(struct nft *nft)
{
	int error = netlink_send(nft->socket, nft->batch.data, nft->batch.used);

	nft->seq = nft->batch.next_seq;
	if (error < 0)
		return kernel_fail(nft, -error, "table %s: sending %zu bytes", nft->table, nft->batch.used);
	return read_errors(nft);
}

int kernel_commit(struct nft *nft)
{
	int error;

	batch_end(&nft->batch);
	error = send_batch(nft);
	nft->commits += error == 0;
	return error;
}

#define PIECE_BYTES 65536 /* short enough for any socket; longer ones are not faster */

int kernel_piece(struct nft *nft, bool last)
{
	int error = 0;

	if (nft->batch.messages > 0 && (last || nft->batch.used >= PIECE_BYTES)) {
		error = kernel_commit(nft);
		kernel_begin(nft);
	}
	return error;
}

/* A batch without its end is checked and undone. */
int kernel_try(struct nft *nft)
{
	batch_close(&nft->batch);
	return send_batch(nft);
}

/* ---- dumps ---- */

struct nlmsghdr *kernel_question(void *room, uint16_t type, const char *table, const char *set)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	nlh->nlmsg_flags = NLM_F_REQUEST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof *nfg);
	nfg->nfgen_family = NFPROTO_INET;
	nfg->version = NFNETLINK_V0;
	if (table != NULL)
		mnl_attr_put_strz(nlh, 1, table); /* NFTA_…_TABLE is 1 for every type, */
	if (set != NULL)
		mnl_attr_put_strz(nlh, 2, set); /* and the set's name 2 for sets and their elements */
	return nlh;
}

static int list_into(struct nft *nft, const struct kernel_dump *dump)
{
	char buffer[KERNEL_QUESTION_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = kernel_question(buffer, dump->type, dump->table, dump->set);
	struct netlink_list list = {nft->socket, nlh, dump->each, dump->restart, dump->ctx, dump->only_of_table};

	nlh->nlmsg_flags |= NLM_F_DUMP;
	return netlink_list(&list);
}

int kernel_dump(struct nft *nft, const struct kernel_dump *dump)
{
	int error = list_into(nft, dump);

	if (error < 0)
		return kernel_fail(nft, -error, "table %s: reading %s", nft->table,
				   dump->set != NULL ? dump->set : "rules");
	return 0;
}
