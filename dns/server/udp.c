/* Receives and answers UDP queries in batches. */
#include "dns/server/udp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/call_list.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "dns/answer/stranger.h"
#include "dns/forward/forward.h"
#include "dns/answer/query_log.h"
#include "dns/zone/rcu.h"

#define REPLY_LATER SIZE_MAX		 /* reply_bytes: the forwarder has the query */
#define BATCH 32			 /* messages per system call */
#define QUERY_BYTES 2048		 /* longer ones are cut by the kernel and then not well-formed */
#define REPLY_ROOM (WIRE_UDP_BYTES + 48) /* a multiple of 64 */
#define WAKE_SIGNAL SIGUSR1
#define WAKE_AGAIN_NS 5000000
#define CONTROL_BYTES 64 /* one in_pktinfo or in6_pktinfo */

struct datagram {
	struct sockaddr_storage from;
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
	uint8_t reply[REPLY_ROOM];
	uint8_t query[QUERY_BYTES];
	size_t reply_bytes; /* 0: none */
	bool cached;
};

struct udp {
	struct respond_counts counts;
	struct responder responder;
	pthread_t thread;
	int fd;
	bool wildcard;
	_Atomic bool stopping;
	bool left;		  /* the thread is joined */
	_Atomic uint32_t batches; /* so far */
	uint32_t batches_seen;	  /* by udp_is_alive */
	pthread_mutex_t lock;	  /* until there is a socket */
	pthread_cond_t changed;
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct datagram datagrams[BATCH];
	struct querylog_ring *log; /* NULL: none */
};

static const struct thread_kind kind = {.name = "dns-udp", .calls = CALLS_BASIC " recvmmsg sendmmsg shutdown"};

static void slots_init(struct udp *u)
{
	for (unsigned i = 0; i < BATCH; i++) {
		struct datagram *s = &u->datagrams[i];
		u->in_iov[i] = (struct iovec){s->query, sizeof s->query};
		u->in[i].msg_hdr = (struct msghdr){.msg_name = &s->from,
						   .msg_namelen = sizeof s->from,
						   .msg_iov = &u->in_iov[i],
						   .msg_iovlen = 1,
						   .msg_control = u->wildcard ? s->control : NULL,
						   .msg_controllen = u->wildcard ? sizeof s->control : 0};
	}
}

/* The kernel wrote lengths into the headers of the last batch. */
static void slots_reset(struct udp *u, unsigned used)
{
	for (unsigned i = 0; i < used; i++) {
		u->in[i].msg_hdr.msg_namelen = sizeof u->datagrams[i].from;
		if (u->wildcard)
			u->in[i].msg_hdr.msg_controllen = sizeof u->datagrams[i].control;
	}
}

/* Leaves the choice of the interface to routing: the reply may have to go another way than the query came. */
static void control_reply(struct msghdr *h)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(h);

	if (c != NULL && c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		((struct in_pktinfo *)CMSG_DATA(c))->ipi_ifindex = 0;
	} else if (c != NULL && c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(c);
		if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr))
			info->ipi6_ifindex = 0;
	}
}

static bool udp_answer(struct udp *u, unsigned i, unsigned out)
{
	struct datagram *s = &u->datagrams[i];
	struct msghdr *h = &u->in[i].msg_hdr;
	struct packet packet = {s->query, u->in[i].msg_len, (struct sockaddr *)&s->from, RESPOND_UDP};
	size_t length;

	u->responder.client = (struct dns_client){
		.fd = u->fd, .control = h->msg_control, .control_bytes = u->wildcard ? h->msg_controllen : 0};
	if (u->wildcard)
		control_reply(h);
	if (respond(&u->responder, &packet, s->reply, sizeof s->reply, &length) == RESPOND_FORWARD)
		length = REPLY_LATER;

	s->reply_bytes = length;
	s->cached = u->responder.cached;
	if (length == 0 || length == REPLY_LATER)
		return false;
	u->out_iov[out] = (struct iovec){s->reply, length};
	u->out[out].msg_hdr = (struct msghdr){.msg_name = h->msg_name,
					      .msg_namelen = h->msg_namelen,
					      .msg_iov = &u->out_iov[out],
					      .msg_iovlen = 1,
					      .msg_control = h->msg_control,
					      .msg_controllen = h->msg_controllen};
	return true;
}

/* A reply that cannot be sent is lost like any datagram: the others must still go out, and nothing may wait. */
static void send_all(struct udp *u, unsigned count)
{
	for (unsigned at = 0; at < count;) {
		int sent = sendmmsg(u->fd, u->out + at, count - at, MSG_DONTWAIT);
		if (sent > 0)
			at += (unsigned)sent;
		else if (errno != EINTR)
			at++;
	}
}

static void log_batch(struct udp *u, unsigned received, uint64_t ns)
{
	for (unsigned i = 0; i < received; i++) {
		const struct datagram *s = &u->datagrams[i];
		if (s->reply_bytes == REPLY_LATER)
			continue;
		struct packet packet = {s->query, u->in[i].msg_len, (const struct sockaddr *)&s->from, RESPOND_UDP};
		querylog_add(u->log, &packet,
			     &(struct querylog_result){.reply = s->reply,
						       .reply_bytes = s->reply_bytes,
						       .ns = ns,
						       .origin.cache = s->cached ? ORIGIN_HIT : ORIGIN_OWN});
	}
}

static unsigned later_count(const struct udp *u, unsigned received)
{
	unsigned n = 0;

	for (unsigned i = 0; i < received; i++)
		n += u->datagrams[i].reply_bytes == REPLY_LATER;
	return n;
}

static void batch(struct udp *u, unsigned received)
{
	const uint64_t start_ns = clock_ns();
	unsigned out = 0;
	uint64_t ns;

	for (unsigned i = 0; i < received; i++)
		out += udp_answer(u, i, out);
	send_all(u, out);
	ns = clock_ns() - start_ns;
	respond_observe(&u->counts, received - later_count(u, received), ns);
	if (u->log != NULL)
		log_batch(u, received, ns);
	slots_reset(u, received);
	atomic_fetch_add_explicit(&u->batches, 1, memory_order_relaxed);
}

/* The thread is there from the start, the socket when its address can be bound. */
static void wait_for_socket(struct udp *u)
{
	pthread_mutex_lock(&u->lock);
	while (u->fd < 0 && !atomic_load(&u->stopping))
		pthread_cond_wait(&u->changed, &u->lock);
	pthread_mutex_unlock(&u->lock);
}

static void *udp_run(void *arg)
{
	struct udp *u = arg;
	sigset_t wake;

	sigemptyset(&wake);
	sigaddset(&wake, WAKE_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &wake, NULL);
	wait_for_socket(u);
	rcu_register_thread();
	while (!atomic_load_explicit(&u->stopping, memory_order_relaxed)) {
		rcu_thread_offline();
		int received = recvmmsg(u->fd, u->in, BATCH, MSG_WAITFORONE, NULL);
		rcu_thread_online();
		if (received > 0)
			batch(u, (unsigned)received);
	}
	rcu_unregister_thread();
	return NULL;
}

static void on_wake(int number)
{
	(void)number;
}

/* Without SA_RESTART: the system call that waits ends. */
static void wake_install(void)
{
	struct sigaction action = {.sa_handler = on_wake};

	sigaction(WAKE_SIGNAL, &action, NULL);
}

struct udp *udp_new(bool wildcard, const struct respond_config *config)
{
	struct udp *u = mem_alloc(sizeof *u);

	wake_install();
	u->fd = -1;
	u->wildcard = wildcard;
	u->responder = (struct responder){.config = config, .counts = &u->counts};
	if (config->clients != NULL)
		u->responder.strangers = strangers_new();
	u->log = config->log == NULL ? NULL : querylog_ring(config->log, &u->counts);
	if (config->forward != NULL)
		u->responder.port = forward_port(config->forward, NULL, NULL);
	slots_init(u);
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	thread_need(&u->thread, &kind, udp_run, u);
	return u;
}

/*
 * A later socket gets the number of the first: replies that the forwarder still has then leave from the new address,
 * where nothing waits for them, and never through a stranger's descriptor.
 */
void udp_start(struct udp *u, int fd)
{
	pthread_mutex_lock(&u->lock);
	if (u->fd >= 0) {
		shutdown(u->fd, SHUT_RDWR); /* wakes the thread */
		dup3(fd, u->fd, O_CLOEXEC);
		close(fd);
	} else {
		u->fd = fd;
	}
	pthread_cond_signal(&u->changed);
	pthread_mutex_unlock(&u->lock);
}

bool udp_is_drained(const struct udp *u)
{
	int waiting = 0;

	return u->fd < 0 || ioctl(u->fd, FIONREAD, &waiting) != 0 || waiting == 0;
}

bool udp_is_alive(struct udp *u)
{
	const uint32_t now = atomic_load_explicit(&u->batches, memory_order_relaxed);
	const bool answered = now != u->batches_seen;

	u->batches_seen = now;
	return answered || udp_is_drained(u);
}

/*
 * A signal, not shutdown(), ends its wait: the socket may be the next process's by now. One that comes before it waits
 * is lost, so it is sent until the thread has ended.
 */
void udp_leave(struct udp *u)
{
	if (u->left)
		return;
	pthread_mutex_lock(&u->lock);
	atomic_store(&u->stopping, true);
	pthread_cond_signal(&u->changed);
	pthread_mutex_unlock(&u->lock);
	for (int joined = ETIMEDOUT; joined == ETIMEDOUT;) {
		struct timespec until;
		pthread_kill(u->thread, WAKE_SIGNAL);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += WAKE_AGAIN_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		joined = pthread_clockjoin_np(u->thread, NULL, CLOCK_MONOTONIC, &until);
	}
	u->left = true;
}

void udp_stop(struct udp *u)
{
	udp_leave(u);
	if (u->fd >= 0)
		close(u->fd);
	pthread_mutex_destroy(&u->lock);
	pthread_cond_destroy(&u->changed);
	strangers_free(u->responder.strangers);
	free(u);
}

const struct respond_counts *udp_counts(const struct udp *u)
{
	return &u->counts;
}
