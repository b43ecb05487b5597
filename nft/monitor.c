/* Notifications of changes that other programs made to our table. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/log.h"
#include "netlink/attrs.h"
#include "nft/message.h"
#include "nft/table.h"
#include "netlink/netlink.h"

#define RECEIVE_BYTES 65536
#define QUEUE_BYTES (16 << 20) /* the kernel doubles it: room for a flush of 100 000 elements */

/*
 * The kernel tells us of every element that we ourselves change. This filter drops what our own socket caused before
 * it is queued, so that a load of a million elements neither overflows the monitor nor wakes us. One buffer only
 * carries messages of one transaction, hence of one sender.
 */
static int ignore_own(int fd, uint32_t portid)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(portid), 0, 1), /* loads are in network order */
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static int membership(const struct nft *nft, int option)
{
	int group = NFNLGRP_NFTABLES;

	return mnl_socket_setsockopt(nft->monitor, option, &group, sizeof group);
}

int nft_monitor_open(struct nft *nft)
{
	int queue_bytes = QUEUE_BYTES;

	nft->monitor = netlink_open(NETLINK_NETFILTER, SOCK_NONBLOCK);
	if (nft->monitor == NULL)
		return session_fail(&nft->session, errno, "nftables monitor");
	/* Not allowed in a user namespace: then what is lost is told, and the table read. */
	setsockopt(mnl_socket_get_fd(nft->monitor), SOL_SOCKET, SO_RCVBUFFORCE, &queue_bytes, sizeof queue_bytes);
	if (ignore_own(mnl_socket_get_fd(nft->monitor), mnl_socket_get_portid(nft->session.socket)) < 0 ||
	    membership(nft, NETLINK_ADD_MEMBERSHIP) < 0)
		return session_fail(&nft->session, errno, "nftables monitor");
	return 0;
}

/* ---- pauses ---- */

static int read_generation(const struct nlmsghdr *nlh, void *ctx)
{
	if (attrs_number(attrs_find(attrs_of(nlh, sizeof(struct nfgenmsg)), NFTA_GEN_ID), ctx, sizeof(uint32_t)))
		return MNL_CB_STOP;
	errno = EOPNOTSUPP;
	return MNL_CB_ERROR;
}

/* How many commits there were in this network namespace. */
static int read_commits(struct nft *nft, uint32_t *commits)
{
	char room[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
	struct netlink_list question = {.socket = nft->session.socket, .each = read_generation, .ctx = commits};
	int error;

	question.request = message_question(room, NFT_MSG_GETGEN, NULL, NULL);
	error = netlink_list(&question);
	if (error == 0)
		*commits = ntohl(*commits);
	return error;
}

void monitor_pause(struct nft *nft)
{
	if (nft->monitor == NULL || read_commits(nft, &nft->pause.generation) < 0)
		return;
	/* Our turn at the kernel's lock: who had it before has told everything. Later ones are not in that number. */
	nft->pause.commits = nft->session.commits;
	nft->pause.on = session_pass(&nft->session) == 0 && membership(nft, NETLINK_DROP_MEMBERSHIP) == 0;
}

/* Any reply makes the socket readable, so the event loop will notice the missed changes. */
static void wake(struct nft *nft)
{
	char room[MESSAGE_QUESTION_BYTES] __attribute__((aligned(8)));
	struct nlmsghdr *question = message_question(room, NFT_MSG_GETGEN, NULL, NULL);

	netlink_send(nft->monitor, question, question->nlmsg_len);
}

/* Without memory it fails. Then the table counts as changed, and nft_monitor_retry tries again. */
static void rejoin(struct nft *nft)
{
	bool deaf = membership(nft, NETLINK_ADD_MEMBERSHIP) < 0;

	if (deaf && !nft->deaf)
		log_warn("nftables monitor: %s; reading the table back until it works again", strerror(errno));
	if (!deaf && nft->deaf)
		log_notice("nftables monitor: works again");
	nft->deaf = deaf;
}

void monitor_resume(struct nft *nft)
{
	uint32_t commits;

	if (!nft->pause.on && !nft->deaf)
		return;
	bool was_deaf = nft->deaf;
	nft->pause.on = false;
	rejoin(nft);
	if (!nft->deaf && !was_deaf && read_commits(nft, &commits) == 0 &&
	    commits - nft->pause.generation == nft->session.commits - nft->pause.commits)
		return;
	nft->missed = true;
	wake(nft);
}

void nft_monitor_retry(struct nft *nft)
{
	monitor_resume(nft);
}

/* ---- reading ---- */

int nft_monitor_fd(const struct nft *nft)
{
	return mnl_socket_get_fd(nft->monitor);
}

void nft_monitor_read(struct nft *nft, struct external_changes *changes)
{
	static char buffer[RECEIVE_BYTES] __attribute__((aligned(8)));
	uint32_t own = mnl_socket_get_portid(nft->session.socket);

	for (;;) {
		ssize_t got = recv(mnl_socket_get_fd(nft->monitor), buffer, sizeof buffer, 0);
		const struct nlmsghdr *nlh;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			external_changes_lost(changes);
			continue;
		}
		if (got <= 0)
			break;
		struct messages list = {(const uint8_t *)buffer, (size_t)got};
		while ((nlh = messages_next(&list)) != NULL)
			if (nlh->nlmsg_pid != own)
				external_changes_note(changes, nft->table, nlh);
	}
	if (nft->missed)
		external_changes_lost(changes);
	nft->missed = false;
}
