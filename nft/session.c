/* Sends batches and dumps to nf_tables and keeps the last error. */
#include "nft/session.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "netlink/attrs.h"
#include "netlink/netlink.h"
#include "nft/codec.h"
#include "nft/message.h"
#include "nft/names.h"

#define RECEIVE_BYTES 65536
#define BATCH_FRAME_BYTES 256 /* what netlink keeps of the send buffer, and the end message */

int session_fail(struct session *s, int errno_value, const char *fmt, ...)
{
	va_list args;
	size_t used;

	va_start(args, fmt);
	vsnprintf(s->error, sizeof s->error, fmt, args);
	va_end(args);
	s->refused_known = false;
	used = strlen(s->error);
	snprintf(s->error + used, sizeof s->error - used, ": %s", strerror(errno_value));
	return -errno_value;
}

/* A batch is one datagram: root outside of user namespaces may have any length, others live with what is set. */
static void raise_send_buffer(struct session *s)
{
	int fd = mnl_socket_get_fd(s->socket), wanted = INT_MAX / 2, got = 0;
	socklen_t length = sizeof got;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &length) < 0 || got <= BATCH_FRAME_BYTES)
		got = 65536;
	s->send_max_bytes = (size_t)got - BATCH_FRAME_BYTES;
}

int session_open(struct session *s, const char *table, const char **error)
{
	int on = 1;

	*s = (struct session){.table = table, .socket = netlink_open(NETLINK_NETFILTER, 0)};
	if (s->socket == NULL) {
		*error = "cannot open a netfilter netlink socket (CONFIG_NETFILTER_NETLINK)";
		return -errno;
	}
	mnl_socket_setsockopt(s->socket, NETLINK_CAP_ACK, &on, sizeof on);
	mnl_socket_setsockopt(s->socket, NETLINK_EXT_ACK, &on, sizeof on);
	raise_send_buffer(s);
	return 0;
}

void session_close(struct session *s)
{
	if (s->socket != NULL)
		mnl_socket_close(s->socket);
	batch_fini(&s->batch);
	*s = (struct session){0};
}

/* ---- batches ---- */

void session_begin(struct session *s)
{
	batch_begin(&s->batch, ++s->seq);
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

static int note_error(struct session *s, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const struct nlmsghdr *cause = batch_find(&s->batch, nlh->nlmsg_seq);
	char text[REFUSED_TEXT_BYTES];

	if (err->error == 0 || cause == NULL)
		return 0; /* an acknowledgement, or of an earlier batch */
	s->error_seq = nlh->nlmsg_seq;
	s->error_offset = error_offset(nlh);
	if (err->error == -EPERM && cause->nlmsg_type == NFNL_MSG_BATCH_BEGIN) /* before a look at what is in it */
		return session_fail(s, EPERM, "run as root or with CAP_NET_ADMIN");
	describe(cause, s->error_offset, text);
	int error = session_fail(s, -err->error, "table %s: %s", s->table, text);
	if ((cause->nlmsg_type & 0xff) == NFT_MSG_NEWSETELEM) {
		s->refused_known = element_read(cause, s->error_offset, &s->refused);
		s->batch.alone |= !s->refused_known; /* the next attempt will tell */
	}
	return error;
}

/* The first error of the batch just sent. All are read: none may be left for the next question. */
static int read_errors(struct session *s)
{
	static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
	bool lost = false;
	int first = 0;

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(s->socket), buffer, sizeof buffer, MSG_DONTWAIT);
		const struct nlmsghdr *nlh;

		if (got < 0 && errno == ENOBUFS) /* told before the errors that found room, and these came first */
			lost = true;
		if (got < 0 && errno != EINTR && errno != ENOBUFS)
			break;
		struct messages list = {(const uint8_t *)buffer, got > 0 ? (size_t)got : 0};
		while ((nlh = messages_next(&list)) != NULL)
			if (nlh->nlmsg_type == NLMSG_ERROR && first == 0)
				first = note_error(s, nlh);
	}
	if (first == 0 && (lost || errno != EAGAIN))
		return session_fail(s, lost ? ENOBUFS : errno, "table %s: reading answers", s->table);
	return first;
}

static int send_batch(struct session *s)
{
	int error = netlink_send(s->socket, s->batch.data, s->batch.used);

	s->seq = s->batch.next_seq;
	if (error < 0)
		return session_fail(s, -error, "table %s: sending %zu bytes", s->table, s->batch.used);
	return read_errors(s);
}

int session_commit(struct session *s)
{
	int error;

	batch_end(&s->batch);
	error = send_batch(s);
	s->commits += error == 0;
	return error;
}

#define PIECE_BYTES 65536 /* short enough for any socket; longer ones are not faster */

int session_piece(struct session *s, bool last)
{
	int error = 0;

	if (s->batch.messages > 0 && (last || s->batch.used >= PIECE_BYTES)) {
		error = session_commit(s);
		session_begin(s);
	}
	return error;
}

/* A batch without its end is checked and undone. */
int session_try(struct session *s)
{
	batch_close(&s->batch);
	return send_batch(s);
}

int session_pass(struct session *s)
{
	session_begin(s);
	batch_end(&s->batch);
	return send_batch(s);
}

/* ---- dumps ---- */

static int list_into(struct session *s, const struct session_dump *dump)
{
	char buffer[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = message_question(buffer, dump->type, dump->table, dump->set);
	struct netlink_list list = {s->socket, nlh, dump->each, dump->restart, dump->ctx, dump->only_of_table};

	nlh->nlmsg_flags |= NLM_F_DUMP;
	if (dump->all_families)
		((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family = NFPROTO_UNSPEC;
	return netlink_list(&list);
}

int session_dump(struct session *s, const struct session_dump *dump)
{
	int error = list_into(s, dump);

	if (error < 0)
		return session_fail(s, -error, "table %s: reading %s", s->table,
				    dump->set != NULL ? dump->set : "rules");
	return 0;
}
